#include "tests/loader/image_editor.h"

#include <stdexcept>

#include "tests/loader/loaded_image.h"

namespace vnpu::firmware::testing {

ImageEditor::ImageEditor() : bytes(ReadImageFile(TEST_IMAGE)) {}

void ImageEditor::Give(const char* why) { throw std::runtime_error(why); }

Elf64_Phdr& ImageEditor::program_header(std::uint32_t type, int index) {
  for (std::size_t i = 0; i < header().e_phnum; ++i) {
    auto& found = At<Elf64_Phdr>(header().e_phoff + i * sizeof(Elf64_Phdr));
    if (found.p_type == type && index-- == 0) return found;
  }
  Give("no such program header");
}

Elf64_Dyn& ImageEditor::dynamic(std::int64_t tag) {
  const Elf64_Phdr& section = program_header(PT_DYNAMIC);
  for (std::uint64_t at = 0; at < section.p_filesz; at += sizeof(Elf64_Dyn)) {
    auto& entry = At<Elf64_Dyn>(section.p_offset + at);
    if (entry.d_tag == tag) return entry;
  }
  Give("no such dynamic entry");
}

vnpu_image_note& ImageEditor::note() {
  constexpr std::size_t kHeaderAndName = sizeof(Elf64_Nhdr) + 8;
  return At<vnpu_image_note>(program_header(PT_NOTE).p_offset + kHeaderAndName);
}

std::uint64_t ImageEditor::FileOffset(std::uint64_t vaddr) {
  for (std::size_t i = 0; i < header().e_phnum; ++i) {
    const auto& load = At<Elf64_Phdr>(header().e_phoff + i * sizeof(Elf64_Phdr));
    if (load.p_type == PT_LOAD && vaddr >= load.p_vaddr && vaddr < load.p_vaddr + load.p_filesz) {
      return load.p_offset + vaddr - load.p_vaddr;
    }
  }
  Give("no such address");
}

vnpu_kernel_entry& ImageEditor::kernel(std::size_t index) {
  return AtAddress<vnpu_kernel_entry>(note().kernels + index * sizeof(vnpu_kernel_entry));
}

Elf64_Rela& ImageEditor::relocation(std::uint32_t type) {
  const std::uint64_t table = dynamic(DT_RELA).d_un.d_ptr;
  for (std::uint64_t at = 0; at < dynamic(DT_RELASZ).d_un.d_val; at += sizeof(Elf64_Rela)) {
    auto& entry = AtAddress<Elf64_Rela>(table + at);
    if (ELF64_R_TYPE(entry.r_info) == type) return entry;
  }
  Give("no such relocation");
}

Elf64_Rela& ImageEditor::RelocationAt(std::uint64_t vaddr) {
  const std::uint64_t table = dynamic(DT_RELA).d_un.d_ptr;
  for (std::uint64_t at = 0; at < dynamic(DT_RELASZ).d_un.d_val; at += sizeof(Elf64_Rela)) {
    auto& entry = AtAddress<Elf64_Rela>(table + at);
    if (entry.r_offset == vaddr) return entry;
  }
  Give("no relocation of that address");
}

std::string ImageEditor::Verdict() const {
  std::string error;
  const auto running = RunningImage::Make(image(), &error);
  return running != nullptr ? "" : error;
}

}  // namespace vnpu::firmware::testing
