#include "tests/api/elf_exports.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace vnpu::tests {
namespace {

class ElfFile {
 public:
  explicit ElfFile(const std::string& path) : path_(path) {
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    if (bytes_.size() < sizeof(Elf64_Ehdr) || std::memcmp(bytes_.data(), ELFMAG, SELFMAG) != 0) {
      throw std::runtime_error(path + " cannot be read or is not an ELF file");
    }
  }

  template <typename T>
  T Read(size_t offset) const {
    T value;
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) {
      throw std::runtime_error(path_ + " is cut short");
    }
    std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return value;
  }

  std::string Text(size_t offset) const {
    if (offset >= bytes_.size()) {
      throw std::runtime_error(path_ + " is cut short");
    }
    return {bytes_.data() + offset, strnlen(bytes_.data() + offset, bytes_.size() - offset)};
  }

 private:
  std::string path_;
  std::vector<char> bytes_;
};

bool IsExport(const Elf64_Sym& symbol) {
  const unsigned char bind = ELF64_ST_BIND(symbol.st_info);
  return symbol.st_shndx != SHN_UNDEF && (bind == STB_GLOBAL || bind == STB_WEAK);
}

}  // namespace

std::set<std::string> ReadElfExports(const std::string& path) {
  const ElfFile file(path);
  const auto header = file.Read<Elf64_Ehdr>(0);
  const auto section = [&](size_t index) {
    return file.Read<Elf64_Shdr>(header.e_shoff + index * sizeof(Elf64_Shdr));
  };
  std::set<std::string> names;
  for (size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr symbols = section(i);
    if (symbols.sh_type != SHT_DYNSYM) {
      continue;
    }
    const Elf64_Shdr strings = section(symbols.sh_link);
    for (size_t at = 0; at + sizeof(Elf64_Sym) <= symbols.sh_size; at += sizeof(Elf64_Sym)) {
      const auto symbol = file.Read<Elf64_Sym>(symbols.sh_offset + at);
      if (IsExport(symbol)) {
        names.insert(file.Text(strings.sh_offset + symbol.st_name));
      }
    }
  }
  return names;
}

}  // namespace vnpu::tests
