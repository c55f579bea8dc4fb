// Loads device images (uapi/vnpu/kernel_abi.h) into device memory.
//
// The bytes of an image are hostile: every offset, size and count is checked before it is used, and
// nothing here executes code of the image. No function throws, except std::bad_alloc.
#ifndef FIRMWARE_LOADER_LOADER_H_
#define FIRMWARE_LOADER_LOADER_H_

#include <vnpu/kernel_abi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "firmware/loader/imports.h"
#include "firmware/loader/result.h"

namespace vnpu::firmware {

inline constexpr std::size_t kMaxSegments = 8;

// Access rights of a segment, the values of PROT_READ, PROT_WRITE and PROT_EXEC.
enum Protection : std::uint32_t { kProtRead = 1, kProtWrite = 2, kProtExec = 4 };

// One loadable part of an image.
struct Segment {
  std::uint64_t vaddr = 0;        // first page, relative to the base of the image; page aligned
  std::uint64_t bytes = 0;        // whole pages
  std::uint64_t data_vaddr = 0;   // where the file's bytes go, relative to the base
  std::uint64_t file_offset = 0;  // where they come from
  std::uint64_t file_bytes = 0;   // how many; the rest of the segment is zero
  std::uint32_t prot = 0;         // of Protection; never writable and executable at once
};

// A table inside the image, addressed relative to the base.
struct ImageTable {
  std::uint64_t vaddr = 0;
  std::uint64_t bytes = 0;
};

// What Load needs to know about an image. Holds no pointer into it.
struct ImagePlan {
  std::uint64_t span = 0;  // bytes of device memory, whole pages, 1 page .. VNPU_MAX_IMAGE_SPAN
  std::array<Segment, kMaxSegments> segments{};
  std::size_t segment_count = 0;
  ImageTable kernels;          // struct vnpu_kernel_entry
  ImageTable globals;          // struct vnpu_global_entry
  ImageTable relocations;      // Elf64_Rela
  ImageTable plt_relocations;  // Elf64_Rela
  ImageTable symbols;          // Elf64_Sym, up to the end of the bytes of its segment
  ImageTable strings;          // names of the symbols

  std::span<const Segment> Segments() const { return {segments.data(), segment_count}; }
};

// One kernel of a loaded image. Addresses are absolute.
struct Kernel {
  std::string name;
  std::uint64_t thunk = 0;  // vnpu_kernel_thunk, inside an executable segment
  std::uint64_t code_size = 0;
  std::uint32_t core_type = 0;  // enum vnpu_unit
  std::uint32_t args_size = 0;
  std::uint32_t args_align = 0;
  std::uint16_t cube_ratio = 0;
  std::uint16_t vector_ratio = 0;
  std::vector<vnpu_kernel_param> params;
};

// One global variable of a loaded image.
struct Global {
  std::string name;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

struct LoadedImage {
  std::vector<Kernel> kernels;  // at least one, names are distinct
  std::vector<Global> globals;
};

// Checks an image and plans its layout. Touches nothing but `image`.
Result<ImagePlan> Parse(std::span<const std::byte> image);

// Copies the segments of `image` into `memory`, zero-fills the rest, relocates them for the address
// `base` and reads the tables. `plan` comes from Parse of the same bytes; should they have changed
// since (shared memory), the result is an error or a differently filled `memory`, never an access
// outside of both spans. `memory` is writable, plan.span bytes; it is where the image will be seen
// at `base` (page aligned), which may be the same place or another mapping of it. The caller then
// applies the protection of each segment.
Result<LoadedImage> Load(const ImagePlan& plan, std::span<const std::byte> image,
                         std::uint64_t base, std::span<std::byte> memory,
                         const ImportTable& imports);

}  // namespace vnpu::firmware

#endif  // FIRMWARE_LOADER_LOADER_H_
