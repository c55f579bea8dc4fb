#ifndef FIRMWARE_LOADER_TABLES_H_
#define FIRMWARE_LOADER_TABLES_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "firmware/loader/loader.h"

namespace vnpu::firmware {

// Reads and checks the tables of kernels and globals of a relocated image.
Result<LoadedImage> ReadTables(const ImagePlan& plan, std::uint64_t base,
                               std::span<const std::byte> memory);

}  // namespace vnpu::firmware

#endif  // FIRMWARE_LOADER_TABLES_H_
