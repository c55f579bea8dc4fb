#include <elf.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "firmware/loader/elf_bytes.h"
#include "firmware/loader/loader.h"
#include "firmware/loader/tables.h"

namespace vnpu::firmware {
namespace {

// Copies the contents of the segments and zeroes everything else.
bool CopySegments(const ImagePlan& plan, std::span<const std::byte> image,
                  std::span<std::byte> memory) {
  std::uint64_t filled = 0;
  for (const Segment& segment : plan.Segments()) {
    if (!Fits(segment.file_offset, segment.file_bytes, image.size())) return false;
    std::fill(memory.begin() + static_cast<std::ptrdiff_t>(filled),
              memory.begin() + static_cast<std::ptrdiff_t>(segment.data_vaddr), std::byte{0});
    if (segment.file_bytes != 0) {
      std::memcpy(memory.data() + segment.data_vaddr, image.data() + segment.file_offset,
                  segment.file_bytes);
    }
    filled = segment.data_vaddr + segment.file_bytes;
  }
  std::fill(memory.begin() + static_cast<std::ptrdiff_t>(filled), memory.end(), std::byte{0});
  return true;
}

class Relocator {
 public:
  Relocator(const ImagePlan& plan, std::uint64_t base, std::span<std::byte> memory,
            const ImportTable& imports)
      : plan_(plan), base_(base), memory_(memory), imports_(imports) {}

  bool Apply(const ImageTable& table) {
    for (std::uint64_t at = 0; at < table.bytes; at += sizeof(Elf64_Rela)) {
      const auto relocation = ReadAt<Elf64_Rela>(memory_, table.vaddr + at);
      if (!relocation || !ApplyOne(*relocation)) return false;
    }
    return true;
  }

  LoadError TakeError() { return std::move(error_); }

 private:
  bool Fail(std::string_view why) {
    error_ = BadImage(why);
    return false;
  }

  bool ApplyOne(const Elf64_Rela& relocation) {
    const auto addend = static_cast<std::uint64_t>(relocation.r_addend);
    std::uint64_t value = 0;
    switch (ELF64_R_TYPE(relocation.r_info)) {
      case R_X86_64_NONE:
        return true;
      case R_X86_64_RELATIVE:
        if (addend > plan_.span) return Fail("a relocation points outside of it");
        value = base_ + addend;
        break;
      case R_X86_64_GLOB_DAT:
      case R_X86_64_JUMP_SLOT:
        if (!Resolve(ELF64_R_SYM(relocation.r_info), &value)) return false;
        break;
      case R_X86_64_64:
        if (!Resolve(ELF64_R_SYM(relocation.r_info), &value)) return false;
        value += addend;
        break;
      default:
        return Fail("it has a relocation of type " +
                    std::to_string(ELF64_R_TYPE(relocation.r_info)) +
                    ", which the virtual core does not know");
    }
    if (!IsData(relocation.r_offset, sizeof(value))) {
      return Fail("a relocation changes code or memory outside of it");
    }
    std::memcpy(memory_.data() + relocation.r_offset, &value, sizeof(value));
    return true;
  }

  bool Resolve(std::uint64_t index, std::uint64_t* value) {
    if (index >= plan_.symbols.bytes / sizeof(Elf64_Sym)) return Fail("a symbol is missing");
    const auto symbol = ReadAt<Elf64_Sym>(memory_, plan_.symbols.vaddr + index * sizeof(Elf64_Sym));
    if (!symbol) return Fail("a symbol is missing");
    if (symbol->st_shndx != SHN_UNDEF) {
      if (symbol->st_value > plan_.span || ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC ||
          ELF64_ST_TYPE(symbol->st_info) == STT_TLS) {
        return Fail("a symbol is of a kind that the virtual core does not know");
      }
      *value = base_ + symbol->st_value;
      return true;
    }
    const auto strings = std::span(memory_).subspan(plan_.strings.vaddr, plan_.strings.bytes);
    const auto name = ReadString(strings, symbol->st_name, VNPU_PAGE_SIZE);
    if (!name) return Fail("the name of a symbol is missing");
    *value = imports_.Find(*name);
    if (*value == 0 && ELF64_ST_BIND(symbol->st_info) != STB_WEAK) {
      error_.text = "the image needs '" + std::string(*name) +
                    "', which the virtual core does not have (npucc --list-imports)";
      return false;
    }
    return true;
  }

  bool IsData(std::uint64_t vaddr, std::uint64_t bytes) const {
    return std::ranges::any_of(plan_.Segments(), [&](const Segment& segment) {
      return (segment.prot & kProtExec) == 0 && vaddr >= segment.vaddr &&
             Fits(vaddr - segment.vaddr, bytes, segment.bytes);
    });
  }

  const ImagePlan& plan_;
  std::uint64_t base_;
  std::span<std::byte> memory_;
  const ImportTable& imports_;
  LoadError error_;
};

}  // namespace

Result<LoadedImage> Load(const ImagePlan& plan, std::span<const std::byte> image,
                         std::uint64_t base, std::span<std::byte> memory,
                         const ImportTable& imports) {
  if (memory.size() < plan.span || base % VNPU_PAGE_SIZE != 0 || base + plan.span < base) {
    return LoadError{"the memory for a device image is too small or not page aligned"};
  }
  memory = memory.first(plan.span);
  if (!CopySegments(plan, image, memory)) return BadImage("it became shorter while it was loaded");
  Relocator relocator(plan, base, memory, imports);
  if (!relocator.Apply(plan.relocations) || !relocator.Apply(plan.plt_relocations)) {
    return relocator.TakeError();
  }
  return ReadTables(plan, base, memory);
}

}  // namespace vnpu::firmware
