#include "tools/npucc/device_check.h"

#include <fmt/core.h>
#include <vnpu/kernel_abi.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "tools/npucc/process.h"

namespace vnpu::npucc {
namespace {

constexpr std::size_t kMaxSites = 3;  // uses of one symbol that are worth a message each

// What using a symbol of the language's run-time library means to the user.
std::string Meaning(const std::string& symbol, bool is_call) {
  struct Known {
    std::string_view prefix;
    std::string_view text;
  };
  constexpr std::array<Known, 9> kKnown = {{
      {"__cxa_throw", "kernel code throws an exception, which the virtual core cannot"},
      {"__cxa_rethrow", "kernel code throws an exception, which the virtual core cannot"},
      {"__tls_get_addr", "kernel code uses a thread_local variable; the virtual core has none"},
      {"__cxa_guard_acquire",
       "a static local variable of kernel code needs a constructor, which the virtual core does "
       "not "
       "run; initialize it with a constant"},
      {"__cxa_atexit",
       "a static variable of kernel code needs a destructor, which the virtual core does not run"},
      {"_Znw", "kernel code allocates memory with new; the virtual core has no heap"},
      {"_Zna", "kernel code allocates memory with new; the virtual core has no heap"},
      {"_Zdl", "kernel code releases memory with delete; the virtual core has no heap"},
      {"_Zda", "kernel code releases memory with delete; the virtual core has no heap"},
  }};
  for (const Known& known : kKnown) {
    if (symbol.starts_with(known.prefix)) return std::string(known.text);
  }
  return fmt::format(
      "kernel code {} '{}', which the virtual core does not have; available: memory and math "
      "functions (npucc --list-imports) and what this source defines",
      is_call ? "calls" : "uses", Demangle(symbol));
}

// Symbols that come along with others and say nothing of their own.
bool IsCompanion(const std::string& symbol) {
  constexpr std::array<std::string_view, 9> kPrefixes = {"__cxa_allocate_exception",
                                                         "__cxa_free_exception",
                                                         "__cxa_guard_release",
                                                         "__cxa_guard_abort",
                                                         "__dso_handle",
                                                         "__cxa_get_exception_ptr",
                                                         "_ZTI",
                                                         "_ZTV",
                                                         "_ZTS"};
  return std::ranges::any_of(kPrefixes, [&](std::string_view p) { return symbol.starts_with(p); });
}

// A line of addr2line, "file:line" or "file:line (discriminator n)".
Location ParseFrame(std::string_view text) {
  text = text.substr(0, text.find(" ("));
  const std::size_t colon = text.rfind(':');
  Location where;
  if (colon == std::string_view::npos || text.starts_with("??")) return where;
  where.file = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), where.line);
  // As the compilers name files below the current directory.
  std::error_code ignored;
  const std::string here = std::filesystem::current_path(ignored).string() + "/";
  if (where.file.starts_with(here)) where.file.erase(0, here.size());
  return where;
}

}  // namespace

DeviceCheck::DeviceCheck(const Object& object, std::string path)
    : object_(object), path_(std::move(path)), reached_(object.ReachableFrom(kKernelSections)) {}

// A section of variables that kernels use, but not of constants that merely need relocation.
bool DeviceCheck::IsVariable(std::size_t section) const {
  const ObjectSection& it = object_.sections()[section];
  return section != 0 && reached_[section] && (it.flags & SHF_WRITE) != 0 &&
         !it.name.starts_with(".data.rel.ro") && !it.name.starts_with(kKernelSections);
}

// Code that runs before main on a host: the functions of .init_array and what they are split into.
std::vector<bool> DeviceCheck::StartupSections() const {
  const auto& sections = object_.sections();
  std::vector<bool> startup(sections.size());
  std::vector<std::size_t> queue;
  const auto visit = [&](std::size_t from) {
    for (const Elf64_Rela& relocation : sections[from].relocations) {
      const std::size_t target = object_.TargetOf(relocation).section;
      if (target == 0 || startup[target] || (sections[target].flags & SHF_EXECINSTR) == 0) continue;
      const bool first_level = sections[from].name.starts_with(".init_array") ||
                               sections[from].name.starts_with(".ctors");
      if (!first_level && !sections[target].name.starts_with(".text.startup")) continue;
      startup[target] = true;
      queue.push_back(target);
    }
  };
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (sections[i].name.starts_with(".init_array") || sections[i].name.starts_with(".ctors")) {
      visit(i);
    }
  }
  while (!queue.empty()) {
    const std::size_t next = queue.back();
    queue.pop_back();
    visit(next);
  }
  return startup;
}

std::vector<Diagnostic> DeviceCheck::Check() const {
  std::vector<Diagnostic> errors;
  std::set<std::string> named;
  const auto& sections = object_.sections();
  const std::vector<bool> startup = StartupSections();
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (!startup[i] && !reached_[i]) continue;
    for (const Elf64_Rela& relocation : sections[i].relocations) {
      const Object::Target target = object_.TargetOf(relocation);
      if (target.section == 0 || !reached_[target.section]) continue;
      const bool tls = (sections[target.section].flags & SHF_TLS) != 0;
      const bool constructed = startup[i] && IsVariable(target.section);
      if (!tls && !constructed) continue;
      const ObjectSymbol* symbol = object_.SymbolAt(target.section, target.offset);
      const std::string name = symbol != nullptr ? DemangleName(symbol->name) : "?";
      if (!named.insert(name).second || (symbol != nullptr && symbol->name.starts_with("_ZGV"))) {
        continue;
      }
      std::string text =
          tls ? fmt::format(
                    "kernel code uses the thread_local variable '{}'; the virtual core has "
                    "none",
                    name)
              : fmt::format(
                    "kernel code uses '{}', whose constructor runs on the host only; "
                    "initialize it with a constant or not at all",
                    name);
      errors.push_back({Locate({i, relocation.r_offset}), std::move(text)});
    }
  }
  return errors;
}

std::vector<DeviceCheck::Site> DeviceCheck::UsesOf(const std::string& symbol) const {
  std::vector<Site> sites;
  for (std::size_t i = 0; i < object_.sections().size(); ++i) {
    if (!reached_[i]) continue;
    for (const Elf64_Rela& relocation : object_.sections()[i].relocations) {
      const ObjectSymbol* target = object_.TargetOf(relocation).symbol;
      if (target != nullptr && target->undefined && target->name == symbol) {
        sites.push_back({i, relocation.r_offset});
      }
    }
  }
  return sites;
}

// A call or jump, direct or through the global offset table.
bool DeviceCheck::IsCall(const Site& site) const {
  const std::string_view code = object_.sections()[site.section].bytes;
  if (site.offset < 2 || site.offset > code.size()) return false;
  const auto first = static_cast<unsigned char>(code[site.offset - 2]);
  const auto second = static_cast<unsigned char>(code[site.offset - 1]);
  return second == 0xe8 || second == 0xe9 || (first == 0xff && (second == 0x15 || second == 0x25));
}

std::vector<Diagnostic> DeviceCheck::ExplainUndefined(
    const std::vector<std::string>& symbols) const {
  std::vector<Diagnostic> errors;
  std::set<std::string> seen;
  const auto explain = [&](const std::string& symbol) {
    std::vector<Site> sites = UsesOf(symbol);
    const bool is_call = std::ranges::any_of(sites, [&](const Site& s) { return IsCall(s); });
    const std::string text = Meaning(symbol, is_call);
    if (sites.empty()) errors.push_back({{}, text});
    if (sites.size() > kMaxSites) sites.resize(kMaxSites);
    for (const Site& site : sites) {
      Location where = Locate(site);
      if (seen.insert(fmt::format("{}:{}:{}", where.file, where.line, text)).second) {
        errors.push_back({std::move(where), text});
      }
    }
  };
  for (const std::string& symbol : symbols) {
    if (!IsCompanion(symbol)) explain(symbol);
  }
  if (errors.empty()) std::ranges::for_each(symbols, explain);
  std::ranges::stable_sort(errors, {}, [](const Diagnostic& error) { return error.where.line; });
  return errors;
}

// The source line of an instruction, by addr2line; an empty location when that fails. Of code that
// was inlined from a library, the line of the user's code that it was inlined into.
Location DeviceCheck::Locate(const Site& site) const {
  const CommandResult result =
      RunCommand({"addr2line", "-i", "-e", path_, "-j", object_.sections()[site.section].name,
                  fmt::format("{:#x}", site.offset)});
  if (result.status != 0) return {};
  Location best;
  for (std::string_view rest = result.out; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
    Location frame = ParseFrame(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    if (frame.line == 0) continue;
    if (best.line == 0) best = frame;
    if (!frame.file.starts_with("/usr/")) return frame;
  }
  return best;
}

std::vector<const ObjectSymbol*> DeviceCheck::Globals() const {
  std::vector<const ObjectSymbol*> globals;
  for (const ObjectSymbol& symbol : object_.symbols()) {
    if (symbol.type == STT_OBJECT && symbol.binding == STB_GLOBAL && symbol.size != 0 &&
        IsVariable(symbol.section)) {
      globals.push_back(&symbol);
    }
  }
  return globals;
}

// Bytes of a thunk and, when it was not inlined, of the kernel that the thunk calls.
std::uint64_t DeviceCheck::CodeSize(const Object::Target& thunk, const std::string& kernel) const {
  const ObjectSymbol* thunk_symbol = object_.SymbolAt(thunk.section, thunk.offset);
  if (thunk_symbol == nullptr) return 0;
  std::uint64_t size = thunk_symbol->size;
  for (const Elf64_Rela& use : object_.sections()[thunk.section].relocations) {
    const Object::Target callee = object_.TargetOf(use);
    const ObjectSymbol* symbol =
        callee.section != 0 ? object_.SymbolAt(callee.section, callee.offset) : nullptr;
    if (symbol != nullptr && symbol->type == STT_FUNC && symbol != thunk_symbol &&
        DemangleName(symbol->name) == kernel) {
      return size + symbol->size;
    }
  }
  return size;
}

std::vector<KernelCode> DeviceCheck::CodeSizes(const std::vector<KernelSource>& kernels) const {
  std::vector<KernelCode> codes;
  for (const ObjectSection& section : object_.sections()) {
    if (!section.name.starts_with(kKernelSections)) continue;
    const std::string_view digits = std::string_view{section.name}.substr(kKernelSections.size());
    std::size_t index = kernels.size();
    std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (index >= kernels.size() || section.bytes.size() != sizeof(vnpu_kernel_entry)) continue;
    for (const Elf64_Rela& relocation : section.relocations) {
      if (relocation.r_offset != offsetof(vnpu_kernel_entry, thunk)) continue;
      codes.push_back(
          {section.file_offset, CodeSize(object_.TargetOf(relocation), kernels[index].name)});
    }
  }
  return codes;
}

}  // namespace vnpu::npucc
