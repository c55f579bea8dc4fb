#ifndef TOOLS_NPUCC_DEVICE_CHECK_H_
#define TOOLS_NPUCC_DEVICE_CHECK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/npucc/diagnostics.h"
#include "tools/npucc/kernels.h"
#include "tools/npucc/object.h"

namespace vnpu::npucc {

// Each entry is in a section of its own, with the number of the kernel after this prefix.
inline constexpr std::string_view kKernelSections = "vnpu_kernels.";
inline constexpr std::string_view kGlobalSection = "vnpu_globals";

struct KernelCode {
  std::uint64_t entry_offset = 0;  // of the kernel's entry in the file of the object
  std::uint64_t code_size = 0;     // bytes: thunk and kernel
};

// Examines the object of a device compilation: what its kernels reach, in the user's words.
class DeviceCheck {
 public:
  // `path` is the file of the object, for its line numbers.
  DeviceCheck(const Object& object, std::string path);

  // Things that no kernel can have: variables with constructors, thread-local variables.
  std::vector<Diagnostic> Check() const;

  // Explains symbols that neither the object nor the virtual core has: who uses them, where.
  std::vector<Diagnostic> ExplainUndefined(const std::vector<std::string>& symbols) const;

  // Variables with external linkage that kernels use.
  std::vector<const ObjectSymbol*> Globals() const;

  // How much code each kernel has; kernels of which it is unknown are left out.
  std::vector<KernelCode> CodeSizes(const std::vector<KernelSource>& kernels) const;

 private:
  struct Site {
    std::size_t section = 0;
    std::uint64_t offset = 0;
  };
  bool IsVariable(std::size_t section) const;
  std::vector<bool> StartupSections() const;
  std::uint64_t CodeSize(const Object::Target& thunk, const std::string& kernel) const;
  std::vector<Site> UsesOf(const std::string& symbol) const;
  bool IsCall(const Site& site) const;
  Location Locate(const Site& site) const;

  const Object& object_;
  std::string path_;
  std::vector<bool> reached_;
};

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_DEVICE_CHECK_H_
