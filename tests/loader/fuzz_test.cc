// A real image with bytes changed at random: the loader may take it or refuse it, and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "tests/loader/image_editor.h"
#include "tests/loader/loaded_image.h"

namespace vnpu::firmware {
namespace {

#ifdef __SANITIZE_THREAD__
constexpr int kRounds = 10'000;  // one thread: nothing to find but the time that it takes
#else
constexpr int kRounds = 300'000;
#endif
// Larger spans than this are planned but not allocated, for the sake of time.
constexpr std::uint64_t kMaxLoadedSpan = 128U << 10;

class Mutator {
 public:
  explicit Mutator(std::string image) : image_(std::move(image)) {
    testing::ImageEditor editor;
    const auto plan = Parse(editor.image());
    if (!plan) throw std::runtime_error(plan.error());
    // Where the structure of an image is; the rest is code, which the loader does not look at.
    interesting_.push_back({0, 0x240});
    for (const ImageTable& table : {plan->kernels, plan->globals, plan->relocations}) {
      interesting_.push_back({editor.FileOffset(table.vaddr), table.bytes});
    }
    interesting_.push_back({editor.program_header(PT_DYNAMIC).p_offset, 0x100});
    interesting_.push_back({editor.FileOffset(plan->symbols.vaddr), 0x100});
  }

  std::string Next() {
    std::string copy = image_;
    const int changes = 1 + Below(4);
    for (int i = 0; i < changes; ++i) Change(&copy);
    if (Below(20) == 0) copy.resize(Below(static_cast<int>(copy.size())));
    return copy;
  }

 private:
  int Below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }

  void Change(std::string* copy) {
    const auto& [start, size] = interesting_[Below(static_cast<int>(interesting_.size()))];
    const std::size_t at =
        std::min(start + Below(static_cast<int>(size)), copy->size() - sizeof(std::uint64_t));
    const std::size_t field = at & ~std::size_t{7};
    std::uint64_t value = 0;
    std::memcpy(&value, copy->data() + field, sizeof(value));
    switch (Below(6)) {
      case 0:
        (*copy)[at] = static_cast<char>(random_());
        return;
      case 1:
        (*copy)[at] = static_cast<char>((*copy)[at] ^ (1 << Below(8)));
        return;
      case 2:
        value += static_cast<std::uint64_t>(Below(65)) - 32;
        break;
      case 3:
        value = std::uint64_t{1} << Below(64);
        break;
      case 4:
        value = ~std::uint64_t{0} - static_cast<std::uint64_t>(Below(4096));
        break;
      default:
        value = random_();
        break;
    }
    std::memcpy(copy->data() + field, &value, sizeof(value));
  }

  std::string image_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> interesting_;
  std::mt19937_64 random_{20240917};
};

// What Load promises of an image that it takes.
void CheckPromises(const ImagePlan& plan, const LoadedImage& loaded, std::uint64_t base) {
  ASSERT_FALSE(loaded.kernels.empty());
  for (const Kernel& kernel : loaded.kernels) {
    ASSERT_FALSE(kernel.name.empty());
    ASSERT_LE(kernel.name.size(), VNPU_MAX_SYMBOL_NAME);
    const bool in_code = std::ranges::any_of(plan.Segments(), [&](const Segment& segment) {
      return (segment.prot & kProtExec) != 0 && kernel.thunk - base >= segment.vaddr &&
             kernel.thunk - base < segment.vaddr + segment.bytes;
    });
    ASSERT_TRUE(in_code);
    ASSERT_LE(kernel.args_size, VNPU_MAX_ARG_BYTES);
    for (const vnpu_kernel_param& param : kernel.params) {
      ASSERT_LE(std::uint64_t{param.offset} + param.size, kernel.args_size);
    }
  }
  for (const Global& global : loaded.globals) {
    ASSERT_LE(global.address - base + global.size, plan.span);
  }
}

TEST(Fuzz, MutatedImagesAreTakenOrRefused) {
  Mutator mutator(testing::ImageEditor().bytes);
  const ImportTable imports(testing::TestServices());
  constexpr std::uint64_t kBase = 0x7f0000000000;
  std::vector<std::byte> memory;
  int taken = 0;
  int refused = 0;
  for (int i = 0; i < kRounds; ++i) {
    // A copy of the exact size, so that a read past the end is noticed.
    const std::string bytes = mutator.Next();
    const std::vector<char> exact(bytes.begin(), bytes.end());
    const auto image = std::as_bytes(std::span(exact));
    const auto plan = Parse(image);
    if (!plan) {
      ASSERT_FALSE(plan.error().empty());
      ++refused;
      continue;
    }
    ASSERT_LE(plan->span, VNPU_MAX_IMAGE_SPAN);
    if (plan->span > kMaxLoadedSpan) continue;
    memory.resize(plan->span);
    memory.shrink_to_fit();
    const auto loaded = Load(*plan, image, kBase, memory, imports);
    if (!loaded) {
      ASSERT_FALSE(loaded.error().empty());
      ++refused;
      continue;
    }
    ++taken;
    CheckPromises(*plan, *loaded, kBase);
    if (HasFatalFailure()) FAIL() << "round " << i;
  }
  // Both ends of the loader have been exercised.
  EXPECT_GT(taken, kRounds / 100);
  EXPECT_GT(refused, kRounds / 100);
}

}  // namespace
}  // namespace vnpu::firmware
