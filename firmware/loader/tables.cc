#include "firmware/loader/tables.h"

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <utility>

#include "firmware/loader/elf_bytes.h"

namespace vnpu::firmware {
namespace {

constexpr std::uint16_t kMaxRatio = 64;

class TableReader {
 public:
  TableReader(const ImagePlan& plan, std::uint64_t base, std::span<const std::byte> memory)
      : plan_(plan), base_(base), memory_(memory) {}

  Result<LoadedImage> Run() {
    LoadedImage image;
    for (std::uint64_t at = 0; at < plan_.kernels.bytes; at += sizeof(vnpu_kernel_entry)) {
      const auto entry = ReadAt<vnpu_kernel_entry>(memory_, plan_.kernels.vaddr + at);
      if (!entry || !AddKernel(*entry, &image)) return TakeError("kernel");
    }
    for (std::uint64_t at = 0; at < plan_.globals.bytes; at += sizeof(vnpu_global_entry)) {
      const auto entry = ReadAt<vnpu_global_entry>(memory_, plan_.globals.vaddr + at);
      if (!entry || !AddGlobal(*entry, &image)) return TakeError("global variable");
    }
    if (const std::string* twice = Duplicate(image.kernels)) {
      return LoadError{"damaged device image: it has two kernels of the name '" + *twice + "'"};
    }
    return image;
  }

 private:
  bool Fail(std::string_view why) {
    why_ = why;
    return false;
  }

  LoadError TakeError(std::string_view what) const {
    return {std::string("damaged device image: a ").append(what).append(" ").append(why_)};
  }

  // Offset of an absolute address from the base; the end for addresses outside.
  std::uint64_t Offset(const void* address) const {
    const std::uint64_t value = std::bit_cast<std::uint64_t>(address);
    return value >= base_ ? std::min(value - base_, plan_.span) : plan_.span;
  }

  bool InSegment(std::uint64_t offset, std::uint64_t bytes, bool executable) const {
    return std::ranges::any_of(plan_.Segments(), [&](const Segment& segment) {
      return ((segment.prot & kProtExec) != 0) == executable && offset >= segment.vaddr &&
             offset - segment.vaddr < segment.bytes &&
             Fits(offset - segment.vaddr, bytes, segment.bytes);
    });
  }

  bool ReadName(const char* address, std::string* name) {
    const auto text = ReadString(memory_, Offset(address), VNPU_MAX_SYMBOL_NAME);
    const bool printable = text && !text->empty() && std::ranges::all_of(*text, [](char c) {
                             return static_cast<unsigned char>(c) > ' ' && c != 0x7f;
                           });
    if (!printable) return Fail("has no proper name");
    name->assign(*text);
    return true;
  }

  bool AddKernel(const vnpu_kernel_entry& entry, LoadedImage* image) {
    Kernel kernel;
    if (!ReadName(entry.name, &kernel.name)) return false;
    const std::uint64_t thunk = Offset(std::bit_cast<const void*>(entry.thunk));
    if (!InSegment(thunk, 1, true)) return Fail("'" + kernel.name + "' has no code");
    const bool mix = entry.core_type == VNPU_UNIT_MIX;
    const bool ratio_ok = mix ? entry.cube_ratio + entry.vector_ratio != 0 &&
                                    entry.cube_ratio <= kMaxRatio && entry.vector_ratio <= kMaxRatio
                              : (entry.cube_ratio | entry.vector_ratio) == 0;
    if (entry.core_type > VNPU_UNIT_AI_CPU || !ratio_ok || entry.flags != 0 ||
        entry.reserved != 0 || entry.code_size > plan_.span ||
        entry.args_size > VNPU_MAX_ARG_BYTES || !std::has_single_bit(entry.args_align) ||
        entry.args_align > VNPU_PAGE_SIZE || entry.param_count > VNPU_MAX_KERNEL_PARAMS) {
      return Fail("'" + kernel.name + "' has an entry with values out of range");
    }
    kernel.thunk = base_ + thunk;
    kernel.code_size = entry.code_size;
    kernel.core_type = entry.core_type;
    kernel.args_size = entry.args_size;
    kernel.args_align = entry.args_align;
    kernel.cube_ratio = entry.cube_ratio;
    kernel.vector_ratio = entry.vector_ratio;
    if (!ReadParams(entry, &kernel)) return false;
    image->kernels.push_back(std::move(kernel));
    return true;
  }

  bool ReadParams(const vnpu_kernel_entry& entry, Kernel* kernel) {
    std::uint64_t end = 0;
    for (std::uint32_t i = 0; i < entry.param_count; ++i) {
      const auto param =
          ReadAt<vnpu_kernel_param>(memory_, Offset(entry.params) + i * sizeof(vnpu_kernel_param));
      if (!param || param->size == 0 || param->offset < end ||
          !Fits(param->offset, param->size, entry.args_size)) {
        return Fail("'" + kernel->name + "' has a malformed list of parameters");
      }
      end = std::uint64_t{param->offset} + param->size;
      kernel->params.push_back(*param);
    }
    return true;
  }

  bool AddGlobal(const vnpu_global_entry& entry, LoadedImage* image) {
    Global global;
    if (!ReadName(entry.name, &global.name)) return false;
    const std::uint64_t offset = Offset(entry.address);
    if (entry.size == 0 || !InSegment(offset, entry.size, false)) {
      return Fail("'" + global.name + "' does not lie inside it");
    }
    global.address = base_ + offset;
    global.size = entry.size;
    image->globals.push_back(std::move(global));
    return true;
  }

  static const std::string* Duplicate(const std::vector<Kernel>& kernels) {
    std::vector<const std::string*> names;
    names.reserve(kernels.size());
    for (const Kernel& kernel : kernels) names.push_back(&kernel.name);
    const auto by_text = [](const std::string* name) -> const std::string& { return *name; };
    std::ranges::sort(names, {}, by_text);
    const auto twice = std::ranges::adjacent_find(names, {}, by_text);
    return twice == names.end() ? nullptr : *twice;
  }

  const ImagePlan& plan_;
  std::uint64_t base_;
  std::span<const std::byte> memory_;
  std::string why_;
};

}  // namespace

Result<LoadedImage> ReadTables(const ImagePlan& plan, std::uint64_t base,
                               std::span<const std::byte> memory) {
  return TableReader(plan, base, memory).Run();
}

}  // namespace vnpu::firmware
