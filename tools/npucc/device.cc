#include "tools/npucc/device.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>

#include "firmware/loader/imports.h"
#include "tools/npucc/device_check.h"
#include "tools/npucc/image.h"
#include "tools/npucc/object.h"

namespace vnpu::npucc {
namespace {

constexpr std::string_view kLayout =
#include "tools/npucc/image.ld.inc"
    ;

// The entries of all kernels and what must be true of them. Every line claims to be that of its
// kernel, for the sake of diagnostics.
std::string Entries(const Unit& unit) {
  std::string text;
  for (std::size_t i = 0; i < unit.scan.kernels.size(); ++i) {
    const KernelSource& kernel = unit.scan.kernels[i];
    const std::string line = LineDirective(kernel.where.file, kernel.where.line);
    const auto require = [&](std::string_view what, std::string_view otherwise) {
      text += fmt::format("{}static_assert(::npu::detail::KernelCheck<&::{}>::{}, \"{}\");\n", line,
                          kernel.name, what, otherwise);
    };
    require(fmt::format("kResult<{}>", kernel.core.substr(0, kernel.core.find(','))),
            "a kernel returns void (on the AI CPU, an integer too)");
    require("kCopy",
            "parameters of a kernel are copied to the device as bytes: they must be trivially "
            "copyable, and no references");
    require("kCount", "a kernel takes 128 parameters at most");
    require("kSize",
            "the arguments of a kernel take 32 KiB at most; pass a pointer to device memory");
    require(fmt::format("kRatio<{}>", kernel.core),
            "the ratio is __mix__(cube, vector) with 0 to 64 of each, not both 0");
    text += line + fmt::format("NPUCC_KERNEL_ENTRY({0:05}, ::{1}, \"{1}\", {2})\n", i, kernel.name,
                               kernel.core);
  }
  return text;
}

std::string CompileObject(const Tools& tools, const Unit& unit, const std::string& dependencies) {
  const std::string source = WriteUnit(tools, unit, ".device.cpp", Entries(unit));
  std::string object = tools.work.Path(unit.stem + ".device.o");
  Words command = {tools.options.compiler};
  Append(&command, UnitFlags(tools, unit, true));
  Append(&command, {"-include", "npu/kernel_entry.h", "-O2", "-g1"});
  Append(&command, tools.options.device_flags);
  Append(&command,
         {"-fPIC", "-fvisibility=hidden", "-fno-stack-protector",
          // A frame of any size meets the guard below its stack.
          "-fstack-clash-protection", "-fno-plt", "-fno-lto", "-fno-asynchronous-unwind-tables",
          "-fno-semantic-interposition", "-fno-math-errno", "-fcf-protection=none",
          "-ffunction-sections", "-fdata-sections", "-U_FORTIFY_SOURCE",
          // Else <cmath> declares vector versions of its functions, which are no imports.
          "-U__FAST_MATH__", "-ffile-prefix-map=" + source + "=" + unit.path});
  if (!dependencies.empty()) {
    Append(&command,
           {tools.options.dependencies.system_headers ? "-MD" : "-MMD", "-MF", dependencies});
  }
  Append(&command, {"-c", source, "-o", object});
  tools.Run(command);
  return object;
}

// Writes the code size of each kernel into its entry.
void PatchCodeSizes(const std::vector<KernelCode>& kernels, std::string* bytes) {
  for (const KernelCode& kernel : kernels) {
    std::memcpy(bytes->data() + kernel.entry_offset + offsetof(vnpu_kernel_entry, code_size),
                &kernel.code_size, sizeof(kernel.code_size));
  }
}

// A table of the variables that the host may look up, as assembly. Empty when there are none.
std::string GlobalTable(const std::vector<const ObjectSymbol*>& globals) {
  std::string table;
  std::string names = ".section .rodata.vnpu_globals,\"a\",@progbits\n";
  for (std::size_t i = 0; i < globals.size(); ++i) {
    const std::string name = DemangleName(globals[i]->name);
    if (name.size() > VNPU_MAX_SYMBOL_NAME) continue;
    table += fmt::format(".quad .Lname{}, {}, {}\n", i, globals[i]->name, globals[i]->size);
    names += fmt::format(".Lname{}: .string \"{}\"\n", i, name);
  }
  if (table.empty()) return {};
  return fmt::format(
      ".section {},\"aw\",@progbits\n.balign 8\n{}{}.section "
      ".note.GNU-stack,\"\",@progbits\n",
      kGlobalSection, table, names);
}

void Link(const Tools& tools, const Unit& unit, const Words& inputs, const std::string& image) {
  const std::string layout = tools.work.Path(unit.stem + ".image.ld");
  WriteFile(layout, kLayout);
  Words command = {tools.options.compiler,
                   "-shared",
                   "-nostdlib",
                   "-nostartfiles",
                   "-T",
                   layout,
                   "-Wl,--gc-sections",
                   "-Wl,-Bsymbolic",
                   "-Wl,--build-id=none",
                   "-Wl,--hash-style=sysv",
                   "-Wl,-z,noexecstack",
                   "-Wl,-z,norelro",
                   "-Wl,-z,max-page-size=4096"};
  if (!tools.options.debug_info) command.emplace_back("-Wl,--strip-debug");
  Append(&command, inputs);
  Append(&command, {"-lgcc", "-o", image});
  tools.Run(command);
}

std::vector<std::string> ForeignSymbols(const std::string& image) {
  const Object object(image);
  std::vector<std::string> names;
  for (const ObjectSymbol& symbol : object.symbols()) {
    if (symbol.undefined && !symbol.name.empty() && symbol.binding != STB_WEAK &&
        !firmware::IsImport(symbol.name)) {
      names.push_back(symbol.name);
    }
  }
  return names;
}

void FailOn(const std::vector<Diagnostic>& errors) {
  PrintErrors(errors);
  if (!errors.empty()) throw Failed{};
}

}  // namespace

DeviceImage CompileDevice(const Tools& tools, const Unit& unit) {
  const bool depend = tools.options.dependencies.enabled;
  const std::string rule = depend ? tools.work.Path(unit.stem + ".device.d") : "";
  const std::string object_path = CompileObject(tools, unit, rule);
  std::string bytes = ReadFile(object_path);
  const std::string original = bytes;
  const Object object(original);
  const DeviceCheck check(object, object_path);
  FailOn(check.Check());

  PatchCodeSizes(check.CodeSizes(unit.scan.kernels), &bytes);
  const std::string patched = tools.work.Path(unit.stem + ".device.patched.o");
  WriteFile(patched, bytes);

  Words inputs = {patched};
  DeviceImage result;
  result.path = tools.work.Path(unit.stem + ".npu");
  const std::vector<const ObjectSymbol*> globals = check.Globals();
  if (const std::string table = GlobalTable(globals); !table.empty()) {
    inputs.push_back(tools.work.Path(unit.stem + ".globals.s"));
    WriteFile(inputs.back(), table);
    for (const ObjectSymbol* global : globals) result.globals.push_back(DemangleName(global->name));
  }
  Link(tools, unit, inputs, result.path);
  const std::string image = ReadFile(result.path);
  if (const auto foreign = ForeignSymbols(image); !foreign.empty()) {
    FailOn(check.ExplainUndefined(foreign));
  }
  const auto loaded = LoadImage(image);
  if (!loaded) FailOn({{{unit.path, 0, 0}, loaded.error()}});
  if (depend) result.dependencies = ReadFile(rule);
  return result;
}

}  // namespace vnpu::npucc
