// The functions that the virtual core offers to kernels.
#ifndef FIRMWARE_LOADER_IMPORTS_H_
#define FIRMWARE_LOADER_IMPORTS_H_

#include <vnpu/kernel_abi.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace vnpu::firmware {

// Names of all imports, sorted.
std::span<const std::string_view> ImportNames();

// True when kernels may call `name`.
bool IsImport(std::string_view name);

// The imports that belong to the device process rather than to the C library.
struct DeviceServices {
  const vnpu_block* (*this_block)() = nullptr;
  std::uint64_t (*clock)() = nullptr;
  int (*print)(const char* format, const vnpu_print_arg* args, std::uint32_t count) = nullptr;
};

// Addresses of the imports in this process. Cheap to copy; immutable, so any thread may use it.
class ImportTable {
 public:
  explicit ImportTable(const DeviceServices& services) : services_(services) {}

  // Address of an import, or 0 when there is none of that name.
  std::uint64_t Find(std::string_view name) const;

 private:
  DeviceServices services_;
};

}  // namespace vnpu::firmware

#endif  // FIRMWARE_LOADER_IMPORTS_H_
