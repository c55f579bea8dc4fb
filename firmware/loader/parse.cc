#include <elf.h>

#include <bit>
#include <string>
#include <string_view>

#include "firmware/loader/elf_bytes.h"
#include "firmware/loader/loader.h"

namespace vnpu::firmware {
namespace {

constexpr std::uint64_t kPage = VNPU_PAGE_SIZE;
constexpr std::uint64_t kMaxProgramHeaders = 32;
constexpr std::string_view kNotAnImage = "not a device image: ";

LoadError NotAnImage(std::string_view why) { return {std::string(kNotAnImage).append(why)}; }

constexpr std::uint64_t PageDown(std::uint64_t address) { return address & ~(kPage - 1); }
constexpr std::uint64_t PageUp(std::uint64_t address) { return PageDown(address + kPage - 1); }

// Parses step by step; each step returns false after setting `error`.
class Parser {
 public:
  explicit Parser(std::span<const std::byte> image) : image_(image) {}

  Result<ImagePlan> Run() {
    if (!ReadHeader() || !ReadProgramHeaders() || !ReadDynamic() || !CheckTables()) {
      return std::move(error_);
    }
    return plan_;
  }

 private:
  bool Fail(LoadError error) {
    error_ = std::move(error);
    return false;
  }

  bool ReadHeader();
  bool ReadProgramHeaders();
  bool AddSegment(const Elf64_Phdr& header);
  bool ReadNotes(const Elf64_Phdr& header);
  bool ReadImageNote(std::uint64_t offset, std::uint64_t size);
  bool ReadDynamic();
  bool ReadDynamicEntry(const Elf64_Dyn& entry);
  bool CheckTables();
  bool CheckTable(const ImageTable& table, std::uint64_t entry, std::uint64_t max,
                  std::string_view what);
  std::uint64_t FileBackedBytes(std::uint64_t vaddr) const;

  std::span<const std::byte> image_;
  Elf64_Ehdr header_{};
  std::optional<Elf64_Phdr> dynamic_;
  bool has_note_ = false;
  std::uint64_t plt_relocation_type_ = DT_RELA;
  ImagePlan plan_;
  LoadError error_;
};

bool Parser::ReadHeader() {
  const auto header = ReadAt<Elf64_Ehdr>(image_, 0);
  if (image_.empty()) return Fail(NotAnImage("it is empty"));
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
    return Fail(NotAnImage("it is no ELF file; make one with npucc --device"));
  }
  header_ = *header;
  if (header_.e_ident[EI_CLASS] != ELFCLASS64 || header_.e_ident[EI_DATA] != ELFDATA2LSB ||
      header_.e_machine != EM_X86_64) {
    return Fail(NotAnImage("an ELF file for another machine (number " +
                           std::to_string(header_.e_machine) + ")"));
  }
  if (header_.e_type != ET_DYN) {
    return Fail(NotAnImage("an ELF file of type " + std::to_string(header_.e_type) +
                           ", not a shared object; make one with npucc --device"));
  }
  if (header_.e_phentsize != sizeof(Elf64_Phdr) || header_.e_phnum == 0 ||
      header_.e_phnum > kMaxProgramHeaders ||
      !Fits(header_.e_phoff, header_.e_phnum * sizeof(Elf64_Phdr), image_.size())) {
    return Fail(BadImage("the program headers do not lie inside the file"));
  }
  return true;
}

bool Parser::ReadProgramHeaders() {
  for (std::size_t i = 0; i < header_.e_phnum; ++i) {
    const auto header = *ReadAt<Elf64_Phdr>(image_, header_.e_phoff + i * sizeof(Elf64_Phdr));
    switch (header.p_type) {
      case PT_LOAD:
        if (!AddSegment(header)) return false;
        break;
      case PT_DYNAMIC:
        if (dynamic_) return Fail(BadImage("it has two dynamic sections"));
        dynamic_ = header;
        break;
      case PT_NOTE:
        if (!ReadNotes(header)) return false;
        break;
      case PT_TLS:
        return Fail(BadImage("it has thread-local variables, which kernels cannot have"));
      case PT_INTERP:
        return Fail(NotAnImage("a program for the host; make one with npucc --device"));
      default:
        break;
    }
  }
  if (!has_note_) {
    return Fail(NotAnImage("a shared object without a VNPU note; make one with npucc --device"));
  }
  if (plan_.segment_count == 0) return Fail(BadImage("it has nothing to load"));
  return true;
}

bool Parser::AddSegment(const Elf64_Phdr& header) {
  if (header.p_memsz == 0) return true;
  if (header.p_filesz > header.p_memsz || !Fits(header.p_offset, header.p_filesz, image_.size())) {
    return Fail(BadImage("a segment does not lie inside the file"));
  }
  if (!Fits(header.p_vaddr, header.p_memsz, VNPU_MAX_IMAGE_SPAN)) {
    return Fail(BadImage("it needs more than " + std::to_string(VNPU_MAX_IMAGE_SPAN >> 20) +
                         " MiB of device memory"));
  }
  if ((header.p_flags & PF_W) != 0 && (header.p_flags & PF_X) != 0) {
    return Fail(BadImage("a segment is both writable and executable"));
  }
  if (plan_.segment_count == kMaxSegments) return Fail(BadImage("it has too many segments"));
  Segment segment;
  segment.vaddr = PageDown(header.p_vaddr);
  segment.bytes = PageUp(header.p_vaddr + header.p_memsz) - segment.vaddr;
  segment.data_vaddr = header.p_vaddr;
  segment.file_offset = header.p_offset;
  segment.file_bytes = header.p_filesz;
  segment.prot = ((header.p_flags & PF_R) != 0 ? kProtRead : 0U) |
                 ((header.p_flags & PF_W) != 0 ? kProtWrite : 0U) |
                 ((header.p_flags & PF_X) != 0 ? kProtExec : 0U);
  if (segment.vaddr < plan_.span) return Fail(BadImage("its segments overlap or share a page"));
  plan_.span = segment.vaddr + segment.bytes;
  plan_.segments[plan_.segment_count++] = segment;
  return true;
}

bool Parser::ReadNotes(const Elf64_Phdr& header) {
  if (!Fits(header.p_offset, header.p_filesz, image_.size())) {
    return Fail(BadImage("a note does not lie inside the file"));
  }
  const auto notes = image_.subspan(header.p_offset, header.p_filesz);
  constexpr std::string_view kName(VNPU_IMAGE_NOTE_NAME, sizeof(VNPU_IMAGE_NOTE_NAME));
  for (std::uint64_t at = 0;;) {
    const auto note = ReadAt<Elf64_Nhdr>(notes, at);
    if (!note) return true;
    const std::uint64_t name = at + sizeof(Elf64_Nhdr);
    const std::uint64_t descriptor = name + ((note->n_namesz + 3ULL) & ~3ULL);
    if (!Fits(descriptor, note->n_descsz, notes.size())) {
      return Fail(BadImage("a note does not lie inside the file"));
    }
    if (note->n_type == VNPU_NOTE_IMAGE && note->n_namesz == kName.size() &&
        std::memcmp(notes.data() + name, kName.data(), kName.size()) == 0 &&
        !ReadImageNote(header.p_offset + descriptor, note->n_descsz)) {
      return false;
    }
    at = descriptor + ((note->n_descsz + 3ULL) & ~3ULL);
  }
}

bool Parser::ReadImageNote(std::uint64_t offset, std::uint64_t size) {
  const auto version = ReadAt<std::uint32_t>(image_, offset);
  if (version && size >= sizeof(*version) && *version != VNPU_IMAGE_VERSION) {
    return Fail(NotAnImage("image version " + std::to_string(*version) + ", this device takes " +
                           std::to_string(VNPU_IMAGE_VERSION) + "; compile it again"));
  }
  const auto note = ReadAt<vnpu_image_note>(image_, offset);
  if (has_note_ || !note || size != sizeof(vnpu_image_note) || note->flags != 0 ||
      (note->reserved[0] | note->reserved[1] | note->reserved[2]) != 0) {
    return Fail(BadImage("its VNPU note is malformed"));
  }
  has_note_ = true;
  plan_.kernels = {note->kernels, note->kernels_bytes};
  plan_.globals = {note->globals, note->globals_bytes};
  return true;
}

bool Parser::ReadDynamic() {
  if (!dynamic_) return true;
  if (!Fits(dynamic_->p_offset, dynamic_->p_filesz, image_.size())) {
    return Fail(BadImage("the dynamic section does not lie inside the file"));
  }
  const auto bytes = image_.subspan(dynamic_->p_offset, dynamic_->p_filesz);
  for (std::uint64_t at = 0;; at += sizeof(Elf64_Dyn)) {
    const auto entry = ReadAt<Elf64_Dyn>(bytes, at);
    if (!entry || entry->d_tag == DT_NULL) break;
    if (!ReadDynamicEntry(*entry)) return false;
  }
  if (plan_.plt_relocations.bytes != 0 && plt_relocation_type_ != DT_RELA) {
    return Fail(BadImage("its relocations carry no addends"));
  }
  return true;
}

bool Parser::ReadDynamicEntry(const Elf64_Dyn& entry) {
  const std::uint64_t value = entry.d_un.d_val;
  switch (entry.d_tag) {
    case DT_NEEDED:
      return Fail(BadImage("it needs a shared library, which the virtual core cannot load"));
    case DT_INIT:
    case DT_FINI:
    case DT_INIT_ARRAY:
    case DT_FINI_ARRAY:
    case DT_PREINIT_ARRAY:
      return Fail(
          BadImage("it has constructors or destructors, which the virtual core never runs"));
    case DT_TEXTREL:
      return Fail(BadImage("its code needs relocation; compile it with -fPIC"));
    case DT_FLAGS:
      if ((value & (DF_TEXTREL | DF_STATIC_TLS)) == 0) return true;
      return Fail(BadImage("its code needs relocation or thread-local variables"));
    case DT_REL:
    case DT_RELR:
      return Fail(BadImage("it has relocations of an unknown form"));
    case DT_RELAENT:
      if (value == sizeof(Elf64_Rela)) return true;
      return Fail(BadImage("its relocations have an unknown size"));
    case DT_SYMENT:
      if (value == sizeof(Elf64_Sym)) return true;
      return Fail(BadImage("its symbols have an unknown size"));
    case DT_RELA:
      plan_.relocations.vaddr = value;
      return true;
    case DT_RELASZ:
      plan_.relocations.bytes = value;
      return true;
    case DT_JMPREL:
      plan_.plt_relocations.vaddr = value;
      return true;
    case DT_PLTRELSZ:
      plan_.plt_relocations.bytes = value;
      return true;
    case DT_PLTREL:
      plt_relocation_type_ = value;
      return true;
    case DT_SYMTAB:
      plan_.symbols.vaddr = value;
      return true;
    case DT_STRTAB:
      plan_.strings.vaddr = value;
      return true;
    case DT_STRSZ:
      plan_.strings.bytes = value;
      return true;
    default:
      return true;
  }
}

// Bytes of the file between an address and the end of its segment's contents; 0 outside of them.
std::uint64_t Parser::FileBackedBytes(std::uint64_t vaddr) const {
  for (const Segment& segment : plan_.Segments()) {
    if (vaddr >= segment.data_vaddr && vaddr - segment.data_vaddr < segment.file_bytes) {
      return segment.file_bytes - (vaddr - segment.data_vaddr);
    }
  }
  return 0;
}

bool Parser::CheckTable(const ImageTable& table, std::uint64_t entry, std::uint64_t max,
                        std::string_view what) {
  if (table.bytes == 0) return true;
  if (table.bytes % entry != 0 || table.bytes / entry > max ||
      table.bytes > FileBackedBytes(table.vaddr)) {
    return Fail(BadImage(std::string("its table of ").append(what).append(" is malformed")));
  }
  return true;
}

bool Parser::CheckTables() {
  constexpr std::uint64_t kAny = VNPU_MAX_IMAGE_SPAN;
  plan_.symbols.bytes = FileBackedBytes(plan_.symbols.vaddr);
  plan_.symbols.bytes -= plan_.symbols.bytes % sizeof(Elf64_Sym);
  if (plan_.strings.bytes == 0) plan_.strings.vaddr = 0;
  if (plan_.kernels.bytes == 0) return Fail(BadImage("it has no kernels"));
  return CheckTable(plan_.kernels, sizeof(vnpu_kernel_entry), VNPU_MAX_IMAGE_KERNELS, "kernels") &&
         CheckTable(plan_.globals, sizeof(vnpu_global_entry), VNPU_MAX_IMAGE_GLOBALS, "globals") &&
         CheckTable(plan_.relocations, sizeof(Elf64_Rela), kAny, "relocations") &&
         CheckTable(plan_.plt_relocations, sizeof(Elf64_Rela), kAny, "PLT relocations") &&
         CheckTable(plan_.strings, 1, kAny, "strings");
}

}  // namespace

Result<ImagePlan> Parse(std::span<const std::byte> image) { return Parser(image).Run(); }

}  // namespace vnpu::firmware
