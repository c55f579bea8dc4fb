#include "tools/npucc/unit.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <set>
#include <string_view>

namespace vnpu::npucc {
namespace {

// Both halves of a compilation find the same things to warn about: each group of lines that begins
// with a warning or an error is printed once.
void PrintNews(const std::string& text) {
  static std::set<std::string> printed;
  std::string group;
  bool complete = false;
  const auto flush = [&] {
    if (!group.empty() && printed.insert(group).second) std::fputs(group.c_str(), stderr);
    group.clear();
    complete = false;
  };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find('\n', at);
    end = end == std::string::npos ? text.size() : end + 1;
    const std::string_view line = std::string_view{text}.substr(at, end - at);
    const bool head = line.find("warning: ") != std::string_view::npos ||
                      line.find("error: ") != std::string_view::npos;
    const bool lead =
        line.find(": In ") != std::string_view::npos || line.starts_with("In file included from");
    if (complete && (head || lead)) flush();
    complete = complete || head;
    group.append(line);
    at = end;
  }
  flush();
}

}  // namespace

CommandResult Tools::Run(const std::vector<std::string>& command) const {
  if (options.verbose) fmt::print(stderr, "{}\n", ShellLine(command));
  CommandResult result = RunCommand(command);
  PrintNews(result.err);
  if (result.status != 0) throw Failed{};
  return result;
}

std::string LineDirective(const std::string& file, std::uint32_t line) {
  std::string quoted;
  for (const char c : file) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return fmt::format("#line {} \"{}\"\n", line, quoted);
}

std::vector<std::string> UnitFlags(const Tools& tools, const Unit& unit, bool device) {
  const std::filesystem::path parent = std::filesystem::path(unit.path).parent_path();
  const std::string directory = (parent.empty() ? std::filesystem::path(".") : parent).string();
  std::vector<std::string> flags = {"-x", "c++",         "-iquote",       directory,
                                    "-I", tools.include, "-D__NPUCC__=1", "-Wno-psabi"};
  if (device) {
    flags.insert(flags.end(), {"-D__NPU_DEVICE__=1", "-D__NPU_ARCH__=2201"});
  } else {
    flags.emplace_back("-D__NPU_HOST__=1");
  }
  flags.insert(flags.end(), {"-include", "npu/keywords.h"});
  if (unit.source.has_launches) flags.insert(flags.end(), {"-include", "npu/launch.h"});
  if (isatty(STDERR_FILENO) != 0) flags.emplace_back("-fdiagnostics-color=always");
  return flags;
}

std::string WriteUnit(const Tools& tools, const Unit& unit, const std::string& suffix,
                      const std::string& appendix) {
  std::string path = tools.work.Path(unit.stem + suffix);
  WriteFile(path, LineDirective(unit.path, 1) + unit.source.text + "\n" + appendix);
  return path;
}

Unit ReadUnit(const Tools& tools, const std::string& path) {
  Unit unit;
  unit.path = path;
  unit.stem = std::filesystem::path(path).stem().string();
  unit.source = RewriteLaunches(ReadFile(path), unit.path);
  PrintErrors(unit.source.errors);
  if (!unit.source.errors.empty()) throw Failed{};

  std::vector<std::string> command = {tools.options.compiler};
  const std::vector<std::string> flags = UnitFlags(tools, unit, true);
  command.insert(command.end(), flags.begin(), flags.end());
  command.insert(command.end(), tools.options.device_flags.begin(),
                 tools.options.device_flags.end());
  command.insert(command.end(),
                 {"-w", "-DNPUCC_SCAN", "-E", WriteUnit(tools, unit, ".scan.cpp", ""), "-o", "-"});
  unit.scan = ScanKernels(tools.Run(command).out);
  PrintErrors(unit.scan.errors);
  if (!unit.scan.errors.empty()) throw Failed{};
  return unit;
}

}  // namespace vnpu::npucc
