#ifndef TOOLS_NPUCC_DIAGNOSTICS_H_
#define TOOLS_NPUCC_DIAGNOSTICS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace vnpu::npucc {

// A place in the user's source; line 0 when only the file is known.
struct Location {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;  // 0: unknown
};

// Something wrong with the user's source.
struct Diagnostic {
  Location where;
  std::string text;
};

// Writes errors to stderr in the form of the compilers, "file:line:column: error: text".
void PrintErrors(const std::vector<Diagnostic>& errors);

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_DIAGNOSTICS_H_
