#include "tools/npucc/object.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

namespace vnpu::npucc {
namespace {

template <typename T>
T Read(std::string_view bytes, std::uint64_t offset) {
  if (offset > bytes.size() || sizeof(T) > bytes.size() - offset) {
    throw std::runtime_error("the compiler made a truncated object");
  }
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::string_view Slice(std::string_view bytes, std::uint64_t offset, std::uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) {
    throw std::runtime_error("the compiler made a truncated object");
  }
  return bytes.substr(offset, size);
}

std::string Name(std::string_view strings, std::uint64_t offset) {
  if (offset >= strings.size()) return {};
  const std::string_view rest = strings.substr(offset);
  return std::string(rest.substr(0, rest.find('\0')));
}

std::string_view Contents(std::string_view bytes, const Elf64_Shdr& header) {
  return header.sh_type == SHT_NOBITS ? std::string_view()
                                      : Slice(bytes, header.sh_offset, header.sh_size);
}

std::vector<Elf64_Shdr> SectionHeaders(std::string_view bytes, const Elf64_Ehdr& header) {
  std::vector<Elf64_Shdr> headers;
  if (header.e_shoff == 0) return headers;
  std::uint64_t count = header.e_shnum;
  // More sections than the field can say: the first header holds the number.
  if (count == 0) count = Read<Elf64_Shdr>(bytes, header.e_shoff).sh_size;
  headers.reserve(std::min<std::uint64_t>(count, bytes.size() / sizeof(Elf64_Shdr)));
  for (std::uint64_t i = 0; i < count; ++i) {
    headers.push_back(Read<Elf64_Shdr>(bytes, header.e_shoff + i * sizeof(Elf64_Shdr)));
  }
  return headers;
}

}  // namespace

Object::Object(std::string_view bytes) {
  const auto header = Read<Elf64_Ehdr>(bytes, 0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != EM_X86_64 ||
      (header.e_type != ET_REL && header.e_type != ET_DYN)) {
    throw std::runtime_error("the compiler made no x86-64 object; kernels are x86-64 code");
  }
  const std::vector<Elf64_Shdr> headers = SectionHeaders(bytes, header);
  const std::uint64_t names_index =
      header.e_shstrndx == SHN_XINDEX && !headers.empty() ? headers[0].sh_link : header.e_shstrndx;
  if (names_index >= headers.size()) throw std::runtime_error("the compiler made a broken object");
  const std::string_view names = Contents(bytes, headers[names_index]);
  sections_.resize(headers.size());
  std::string_view wide_indices;
  const Elf64_Shdr* table = nullptr;
  const std::uint32_t table_type = header.e_type == ET_REL ? SHT_SYMTAB : SHT_DYNSYM;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    sections_[i].name = Name(names, headers[i].sh_name);
    sections_[i].type = headers[i].sh_type;
    sections_[i].flags = headers[i].sh_flags;
    sections_[i].file_offset = headers[i].sh_offset;
    if (i != 0) sections_[i].bytes = Contents(bytes, headers[i]);
    if (headers[i].sh_type == table_type) table = &headers[i];
    if (headers[i].sh_type == SHT_SYMTAB_SHNDX) wide_indices = Contents(bytes, headers[i]);
  }
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (headers[i].sh_type != SHT_RELA || headers[i].sh_info >= headers.size()) continue;
    auto& relocations = sections_[headers[i].sh_info].relocations;
    for (std::uint64_t at = 0; at + sizeof(Elf64_Rela) <= sections_[i].bytes.size();
         at += sizeof(Elf64_Rela)) {
      relocations.push_back(Read<Elf64_Rela>(sections_[i].bytes, at));
    }
  }
  if (table == nullptr || table->sh_link >= headers.size()) return;
  const std::string_view strings = Contents(bytes, headers[table->sh_link]);
  const std::string_view entries = Contents(bytes, *table);
  for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= entries.size(); at += sizeof(Elf64_Sym)) {
    const auto entry = Read<Elf64_Sym>(entries, at);
    ObjectSymbol symbol;
    symbol.name = Name(strings, entry.st_name);
    symbol.undefined = entry.st_shndx == SHN_UNDEF;
    symbol.section = entry.st_shndx < SHN_LORESERVE ? entry.st_shndx : 0;
    if (entry.st_shndx == SHN_XINDEX) {
      symbol.section =
          Read<std::uint32_t>(wide_indices, at / sizeof(Elf64_Sym) * sizeof(std::uint32_t));
    }
    if (symbol.section >= sections_.size()) symbol.section = 0;
    symbol.binding = ELF64_ST_BIND(entry.st_info);
    symbol.type = ELF64_ST_TYPE(entry.st_info);
    symbol.visibility = ELF64_ST_VISIBILITY(entry.st_other);
    symbol.value = entry.st_value;
    symbol.size = entry.st_size;
    symbols_.push_back(std::move(symbol));
  }
}

Object::Target Object::TargetOf(const Elf64_Rela& relocation) const {
  const std::uint64_t index = ELF64_R_SYM(relocation.r_info);
  if (index >= symbols_.size()) return {};
  const ObjectSymbol& symbol = symbols_[index];
  Target target{symbol.section, symbol.value, &symbol};
  if (symbol.type == STT_SECTION) {
    // References relative to the instruction are made to its end, 4 bytes on.
    const std::uint64_t type = ELF64_R_TYPE(relocation.r_info);
    const bool relative = type == R_X86_64_PC32 || type == R_X86_64_PLT32;
    target.offset += static_cast<std::uint64_t>(relocation.r_addend) + (relative ? 4 : 0);
  }
  return target;
}

std::vector<bool> Object::ReachableFrom(std::string_view roots) const {
  std::vector<bool> reached(sections_.size());
  std::vector<std::size_t> queue;
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    if (!sections_[i].name.starts_with(roots)) continue;
    reached[i] = true;
    queue.push_back(i);
  }
  while (!queue.empty()) {
    const std::size_t section = queue.back();
    queue.pop_back();
    for (const Elf64_Rela& relocation : sections_[section].relocations) {
      const std::size_t target = TargetOf(relocation).section;
      if (target == 0 || reached[target]) continue;
      reached[target] = true;
      queue.push_back(target);
    }
  }
  return reached;
}

const ObjectSymbol* Object::SymbolAt(std::size_t section, std::uint64_t offset) const {
  const ObjectSymbol* any = nullptr;
  const ObjectSymbol* best = nullptr;
  for (const ObjectSymbol& symbol : symbols_) {
    const bool named =
        symbol.type == STT_OBJECT || symbol.type == STT_FUNC || symbol.type == STT_TLS;
    if (!named || symbol.section != section) continue;
    if (any == nullptr) any = &symbol;
    if (symbol.value > offset) continue;
    if (symbol.size != 0 && offset - symbol.value >= symbol.size) continue;
    if (best == nullptr || symbol.value >= best->value) best = &symbol;
  }
  return best != nullptr ? best : any;
}

std::string Demangle(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 && name.starts_with("_Z") ? text.get() : name;
}

std::string DemangleName(const std::string& name) {
  std::string text = Demangle(name);
  // The parameters are the last group of parentheses.
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos || !name.starts_with("_Z")) return text;
  int depth = 0;
  for (std::size_t i = end + 1; i-- > 0;) {
    if (text[i] == ')') ++depth;
    if (text[i] == '(' && --depth == 0) return text.substr(0, i);
  }
  return text;
}

}  // namespace vnpu::npucc
