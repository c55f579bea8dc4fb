#include "tools/npucc/diagnostics.h"

#include <fmt/core.h>

#include <cstdio>

namespace vnpu::npucc {

void PrintErrors(const std::vector<Diagnostic>& errors) {
  for (const Diagnostic& error : errors) {
    std::string place = error.where.file.empty() ? "npucc" : error.where.file;
    if (error.where.line != 0) place += fmt::format(":{}", error.where.line);
    if (error.where.line != 0 && error.where.column != 0) {
      place += fmt::format(":{}", error.where.column);
    }
    fmt::print(stderr, "{}: error: {}\n", place, error.text);
  }
}

}  // namespace vnpu::npucc
