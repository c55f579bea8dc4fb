#include "firmware/loader/imports.h"

// math.h, not cmath: the plain C functions, without overloads.
#include <math.h>    // NOLINT(modernize-deprecated-headers)
#include <string.h>  // NOLINT(modernize-deprecated-headers)
#include <strings.h>

#include <algorithm>
#include <array>
#include <bit>

namespace vnpu::firmware {
namespace {

struct CImport {
  std::string_view name;
  std::uint64_t (*address)();
};

// The address of a C function is not a constant expression as an integer, hence one getter each.
constexpr CImport kCImports[] = {
#define VNPU_SERVICE(name, member)
// NOLINTBEGIN(bugprone-macro-parentheses): they are parts of a type.
#define VNPU_IMPORT(result, name, parameters) \
  {#name, [] { return std::bit_cast<std::uint64_t>(static_cast<result(*) parameters>(&::name)); }},
// NOLINTEND(bugprone-macro-parentheses)
#include "firmware/loader/imports.def"
};

constexpr std::string_view kServiceNames[] = {
#define VNPU_SERVICE(name, member) #name,
#define VNPU_IMPORT(result, name, parameters)
#include "firmware/loader/imports.def"
};

constexpr std::size_t kImportCount = std::size(kCImports) + std::size(kServiceNames);

constexpr auto kSortedCImports = [] {
  auto sorted = std::to_array(kCImports);
  std::ranges::sort(sorted, {}, &CImport::name);
  return sorted;
}();

constexpr auto kSortedNames = [] {
  std::array<std::string_view, kImportCount> names{};
  auto* out = names.begin();
  for (const CImport& import : kCImports) *out++ = import.name;
  for (std::string_view name : kServiceNames) *out++ = name;
  std::ranges::sort(names);
  return names;
}();

}  // namespace

std::span<const std::string_view> ImportNames() { return kSortedNames; }

bool IsImport(std::string_view name) { return std::ranges::binary_search(kSortedNames, name); }

std::uint64_t ImportTable::Find(std::string_view name) const {
#define VNPU_SERVICE(service, member) \
  if (name == #service) return std::bit_cast<std::uint64_t>(services_.member);
#define VNPU_IMPORT(result, name, parameters)
#include "firmware/loader/imports.def"
  const auto* found = std::ranges::lower_bound(kSortedCImports, name, {}, &CImport::name);
  return found != kSortedCImports.end() && found->name == name ? found->address() : 0;
}

}  // namespace vnpu::firmware
