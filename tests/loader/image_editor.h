// Changes fields of images, to make bad ones out of good ones.
#ifndef TESTS_LOADER_IMAGE_EDITOR_H_
#define TESTS_LOADER_IMAGE_EDITOR_H_

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "firmware/loader/loader.h"

namespace vnpu::firmware::testing {

// A copy of the test image.
class ImageEditor {
 public:
  ImageEditor();

  std::string bytes;

  std::span<const std::byte> image() const { return std::as_bytes(std::span(bytes)); }

  Elf64_Ehdr& header() { return At<Elf64_Ehdr>(0); }
  // The nth program header of a type; fails the test when there is none.
  Elf64_Phdr& program_header(std::uint32_t type, int index = 0);
  // The entry of the dynamic section with a tag; fails the test when there is none.
  Elf64_Dyn& dynamic(std::int64_t tag);
  vnpu_image_note& note();
  // Field of the file behind an address of the image.
  template <typename T>
  T& AtAddress(std::uint64_t vaddr) {
    return At<T>(FileOffset(vaddr));
  }
  vnpu_kernel_entry& kernel(std::size_t index);
  Elf64_Rela& relocation(std::uint32_t type);
  // The relocation that fills an address in.
  Elf64_Rela& RelocationAt(std::uint64_t vaddr);

  std::uint64_t FileOffset(std::uint64_t vaddr);

  template <typename T>
  T& At(std::uint64_t offset) {
    if (offset + sizeof(T) > bytes.size()) Give("offset outside of the file");
    return *reinterpret_cast<T*>(bytes.data() + offset);
  }

  // What the loader says of the image: its error, or "" when it takes it.
  std::string Verdict() const;

 private:
  [[noreturn]] static void Give(const char* why);
};

}  // namespace vnpu::firmware::testing

#endif  // TESTS_LOADER_IMAGE_EDITOR_H_
