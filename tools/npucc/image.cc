#include "tools/npucc/image.h"

#include <fmt/core.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace vnpu::npucc {
namespace {

std::string CoreName(const firmware::Kernel& kernel) {
  constexpr std::array<std::string_view, 4> kNames = {"AI core", "vector core", "mix", "AI CPU"};
  std::string name(kNames.at(kernel.core_type));
  if (kernel.core_type == VNPU_UNIT_MIX) {
    name += fmt::format(" {}:{}", kernel.cube_ratio, kernel.vector_ratio);
  }
  return name;
}

// Nothing runs here, so the services only have to be somewhere.
const vnpu_block* NoBlock() { return nullptr; }
std::uint64_t NoClock() { return 0; }
int NoPrint(const char* /*format*/, const vnpu_print_arg* /*args*/, std::uint32_t /*count*/) {
  return -1;
}

}  // namespace

firmware::Result<firmware::LoadedImage> LoadImage(std::string_view image) {
  const auto bytes = std::as_bytes(std::span(image));
  const auto plan = firmware::Parse(bytes);
  if (!plan) return firmware::LoadError{plan.error()};
  std::vector<std::byte> memory(plan->span);
  const firmware::ImportTable imports({&NoBlock, &NoClock, &NoPrint});
  return firmware::Load(*plan, bytes, 0, memory, imports);
}

std::string DescribeImage(const firmware::LoadedImage& image) {
  std::string text;
  for (const firmware::Kernel& kernel : image.kernels) {
    text += fmt::format("kernel {}\n  core       {}\n  code       {} bytes at {:#x}\n", kernel.name,
                        CoreName(kernel), kernel.code_size, kernel.thunk);
    text +=
        fmt::format("  arguments  {} bytes, aligned to {}\n", kernel.args_size, kernel.args_align);
    for (std::size_t i = 0; i < kernel.params.size(); ++i) {
      text += fmt::format("  parameter  {}: offset {}, size {}\n", i, kernel.params[i].offset,
                          kernel.params[i].size);
    }
  }
  for (const firmware::Global& global : image.globals) {
    text += fmt::format("variable {}\n  size       {} bytes at {:#x}\n", global.name, global.size,
                        global.address);
  }
  return text;
}

std::string DescribeImports() {
  std::string text;
  for (const std::string_view name : firmware::ImportNames()) text.append(name).append("\n");
  return text;
}

}  // namespace vnpu::npucc
