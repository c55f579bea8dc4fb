#include "tools/npucc/host.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tools/npucc/depfile.h"
#include "tools/npucc/device.h"

namespace vnpu::npucc {
namespace {

std::string SymbolArray(std::string_view name, const Words& symbols) {
  std::string text = fmt::format("const ::vnpu_host_symbol {}[] = {{", name);
  for (const std::string& symbol : symbols) {
    text += fmt::format("{{reinterpret_cast<const void*>(&::{0}), \"{0}\"}}, ", symbol);
  }
  return text + "{nullptr, nullptr}};\n";
}

// FNV-1a, for a name that no other image of a program has.
std::uint64_t Hash(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// Puts the image into the object and registers its kernels and variables.
std::string Registration(const Unit& unit, const DeviceImage& image) {
  Words kernels;
  for (const KernelSource& kernel : unit.scan.kernels) kernels.push_back(kernel.name);
  const std::string bytes = ReadFile(image.path);
  const std::string name = fmt::format("npucc_image_{:016x}", Hash(unit.path + bytes));
  std::string text = LineDirective("npucc", 1);
  text += fmt::format(
      "__asm__(\".pushsection .rodata.{0},\\\"a\\\",@progbits\\n.balign 16\\n.globl {0}\\n"
      ".hidden {0}\\n.type {0},@object\\n.size {0},{1}\\n{0}:\\n.incbin \\\"{2}\\\"\\n"
      ".popsection\\n\");\n",
      name, bytes.size(), image.path);
  text += fmt::format(
      "extern \"C\" __attribute__((visibility(\"hidden\"))) const unsigned char {}[];\n", name);
  text += "namespace {\n" + SymbolArray("npucc_kernels", kernels) +
          SymbolArray("npucc_globals", image.globals);
  text += fmt::format(
      "::vnpu_host_image npucc_image = {{nullptr, {}, {}, npucc_kernels, {}, npucc_globals, {}, "
      "0}};\n",
      name, bytes.size(), kernels.size(), image.globals.size());
  text +=
      "__attribute__((constructor(101))) void npucc_add() { ::npu::detail::AddHostImage("
      "&npucc_image); }\n"
      "__attribute__((destructor(101))) void npucc_remove() { ::npu::detail::RemoveHostImage("
      "&npucc_image); }\n}\n";
  return text;
}

// Compiles one source to `object`. Its dependency rule, when asked for, makes `output`.
void CompileObject(const Tools& tools, const std::string& path, const std::string& object,
                   const std::string& output) {
  const Options& options = tools.options;
  const Unit unit = ReadUnit(tools, path);
  std::string registration;
  Words rules;
  if (!unit.scan.kernels.empty()) {
    const DeviceImage image = CompileDevice(tools, unit);
    registration = Registration(unit, image);
    rules.push_back(image.dependencies);
  }
  const std::string source = WriteUnit(tools, unit, ".host.cpp", registration);
  const std::string rule = tools.work.Path(unit.stem + ".host.d");
  Words command = {options.compiler};
  Append(&command, UnitFlags(tools, unit, false));
  if (!registration.empty()) Append(&command, {"-include", "npu/host_entry.h"});
  Append(&command, options.host_flags);
  Append(&command, {"-ffile-prefix-map=" + source + "=" + unit.path, "-c", source, "-o", object});
  if (options.dependencies.enabled) {
    Append(&command, {options.dependencies.system_headers ? "-MD" : "-MMD", "-MF", rule});
  }
  tools.Run(command);
  if (!options.dependencies.enabled) return;
  rules.push_back(ReadFile(rule));
  WriteFile(DependencyFile(options.dependencies, output),
            MergeRules(options.dependencies, rules, unit.path, output, tools.work.directory()));
}

// Where the runtime library lies, beside the program: bin/npucc, lib/libacl_rt.so. Empty when it is
// not there.
std::string FindLibraries(const Tools& tools) {
  const std::filesystem::path prefix = std::filesystem::path(tools.include).parent_path();
  for (const std::string_view folder : {"lib", NPUCC_LIBDIR}) {
    if (std::filesystem::exists(prefix / folder / "libacl_rt.so")) {
      return (prefix / folder).string();
    }
  }
  return {};
}

}  // namespace

void CompileObjects(const Tools& tools) {
  const Options& options = tools.options;
  if (options.sources.empty()) throw UsageError{"-c needs a source"};
  if (options.sources.size() > 1 && !options.output.empty()) {
    throw UsageError{"-o with -c takes one source"};
  }
  for (const std::string& path : options.sources) {
    const std::string stem = std::filesystem::path(path).stem().string();
    const std::string object = options.output.empty() ? stem + ".o" : options.output;
    CompileObject(tools, path, object, object);
  }
}

void LinkProgram(const Tools& tools) {
  const Options& options = tools.options;
  const std::string output = options.output.empty() ? "a.out" : options.output;
  if (options.dependencies.enabled && options.sources.size() > 1) {
    throw UsageError{"-MD and -MMD take one source; compile with -c first"};
  }
  Words command = {options.compiler};
  std::size_t next = 0;
  for (const std::string& word : options.link_inputs) {
    const bool is_source = next < options.sources.size() && options.sources[next] == word;
    if (!is_source) {
      command.push_back(word);
      continue;
    }
    const std::string object = tools.work.Path(fmt::format("{}.o", next++));
    CompileObject(tools, word, object, output);
    command.push_back(object);
  }
  const std::string libraries = FindLibraries(tools);
  if (!libraries.empty()) Append(&command, {"-L" + libraries, "-Wl,-rpath," + libraries});
  Append(&command, {"-o", output});
  tools.Run(command);
}

}  // namespace vnpu::npucc
