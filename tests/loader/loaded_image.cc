#include "tests/loader/loaded_image.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <iterator>
#include <utility>

namespace vnpu::firmware::testing {
namespace {

thread_local const vnpu_block* this_block = nullptr;
thread_local std::uint64_t ticks = 0;

const vnpu_block* ThisBlock() { return this_block; }
std::uint64_t Clock() { return ++ticks; }

}  // namespace

int Print(const char* /*format*/, const vnpu_print_arg* /*args*/, std::uint32_t /*count*/) {
  return 0;
}

DeviceServices TestServices() { return {&ThisBlock, &Clock, &Print}; }

std::unique_ptr<RunningImage> RunningImage::Make(std::span<const std::byte> image,
                                                 std::string* error) {
  std::string ignored;
  if (error == nullptr) error = &ignored;
  const auto plan = Parse(image);
  if (!plan) {
    *error = plan.error();
    return nullptr;
  }
  std::unique_ptr<RunningImage> running(new RunningImage(*plan));
  void* memory =
      mmap(nullptr, plan->span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    *error = "no memory";
    return nullptr;
  }
  running->memory_ = {static_cast<std::byte*>(memory), plan->span};
  auto loaded = Load(*plan, image, running->base(), running->memory_, ImportTable(TestServices()));
  if (!loaded) {
    *error = loaded.error();
    return nullptr;
  }
  running->loaded_ = std::move(*loaded);
  for (const Segment& segment : plan->Segments()) {
    mprotect(running->memory_.data() + segment.vaddr, segment.bytes,
             static_cast<int>(segment.prot));
  }
  return running;
}

RunningImage::~RunningImage() {
  if (!memory_.empty()) munmap(memory_.data(), memory_.size());
}

const Kernel* RunningImage::Find(std::string_view name) const {
  const auto found = std::ranges::find(loaded_.kernels, name, &Kernel::name);
  return found != loaded_.kernels.end() ? &*found : nullptr;
}

const Global* RunningImage::FindGlobal(std::string_view name) const {
  const auto found = std::ranges::find(loaded_.globals, name, &Global::name);
  return found != loaded_.globals.end() ? &*found : nullptr;
}

void RunningImage::Run(const Kernel& kernel, const void* args, std::uint32_t block_dim,
                       std::uint32_t device) const {
  for (std::uint32_t i = 0; i < block_dim; ++i) {
    vnpu_block block{};
    block.block_idx = i;
    block.block_dim = block_dim;
    block.core_type = kernel.core_type;
    block.device_id = device;
    block.sub_block_dim = 1;
    this_block = &block;
    std::bit_cast<vnpu_kernel_thunk>(kernel.thunk)(args, &block);
    this_block = nullptr;
  }
}

std::string ReadImageFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace vnpu::firmware::testing
