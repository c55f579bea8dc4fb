// Relocatable objects, as far as npucc must understand those of device code.
#ifndef TOOLS_NPUCC_OBJECT_H_
#define TOOLS_NPUCC_OBJECT_H_

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vnpu::npucc {

struct ObjectSection {
  std::string name;
  std::uint32_t type = 0;   // SHT_*
  std::uint64_t flags = 0;  // SHF_*
  std::uint64_t file_offset = 0;
  std::string_view bytes;               // empty for SHT_NOBITS
  std::vector<Elf64_Rela> relocations;  // that apply to it
};

struct ObjectSymbol {
  std::string name;
  std::size_t section = 0;  // index, or 0 when undefined or absolute
  bool undefined = false;
  std::uint8_t binding = 0;     // STB_*
  std::uint8_t type = 0;        // STT_*
  std::uint8_t visibility = 0;  // STV_*
  std::uint64_t value = 0;
  std::uint64_t size = 0;
};

// A relocatable object, with its symbols, or a shared object, with its dynamic symbols, of x86-64.
// Sections and symbols keep their indices of the file.
class Object {
 public:
  // `bytes` stay the property of the caller and must outlive the object. Throws
  // std::runtime_error when they are no such object.
  explicit Object(std::string_view bytes);

  const std::vector<ObjectSection>& sections() const { return sections_; }
  const std::vector<ObjectSymbol>& symbols() const { return symbols_; }

  // Sections that those with names of the prefix `roots` need, themselves included, by following
  // relocations.
  std::vector<bool> ReachableFrom(std::string_view roots) const;

  // The symbol that covers an offset of a section, or else any of the section; null when the
  // section has none.
  const ObjectSymbol* SymbolAt(std::size_t section, std::uint64_t offset) const;

  // The place that a relocation refers to: a section of this object, or section 0.
  struct Target {
    std::size_t section = 0;
    std::uint64_t offset = 0;
    const ObjectSymbol* symbol = nullptr;
  };
  Target TargetOf(const Elf64_Rela& relocation) const;

 private:
  std::vector<ObjectSection> sections_;
  std::vector<ObjectSymbol> symbols_;
};

// "ns::f(int)" for "_ZN2ns1fEi"; other names as they are.
std::string Demangle(const std::string& name);
// The same without the parameters, "ns::f".
std::string DemangleName(const std::string& name);

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_OBJECT_H_
