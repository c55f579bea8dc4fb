// Entries that change tasks by what stands in memory.
#include <cstring>

#include "tests/scheduler/model_fixture.h"

namespace vnpu::firmware::test {
namespace {

class TaskUpdate : public ModelTest {
 protected:
  TaskUpdate() : kernels_{AddKernel(VNPU_UNIT_AI_CORE), AddKernel(VNPU_UNIT_VECTOR_CORE), 0, 0} {
    kernels_[2] = VNPU_NO_FUNCTION;
    kernels_[3] = AddKernel(VNPU_UNIT_AI_CORE, /*arg_size=*/8);
    platform_.words = {{kWord, 0}, {kOther, 1}};
  }

  // Of the kernel entry at that position of stream 0.
  static vnpu_sqe Choose(uint32_t model, uint64_t offset, uint32_t kernels, uint32_t args = 0) {
    vnpu_sqe sqe = MakeSqe(VNPU_OP_KERNEL_UPDATE);
    sqe.kernel_update.model_id = model;
    sqe.kernel_update.kernels = kernels;
    sqe.kernel_update.offset = offset;
    sqe.kernel_update.kernel_va = kWord;
    sqe.kernel_update.blocks_va = kOther;
    sqe.kernel_update.arg_offset = args;
    return sqe;
  }
  void Choice(uint64_t kernel, uint64_t blocks) {
    platform_.words[kWord] = kernel;
    platform_.words[kOther] = blocks;
  }
  // What a model with one kernel did in its last run.
  struct Ran {
    uint32_t unit = VNPU_UNIT_COUNT;
    uint32_t blocks = 0;
  };
  Ran RunOne() {
    Ran ran;
    on_work = [&](const Work& work) {
      ran = {work.queue->task.unit, work.queue->task.sqe.kernel.block_dim};
    };
    EXPECT_EQ(Run(), VNPU_OK);
    on_work = nullptr;
    return ran;
  }
  uint32_t UpdateIn(QueueClient& queue, const vnpu_sqe& sqe) {
    std::memcpy(queue.args() + 64, kernels_, sizeof(kernels_));
    Publish(queue, WithCqe(sqe));
    ExpectNoWork();
    return StatusOf(queue);
  }

  uint32_t kernels_[4];
};

TEST_F(TaskUpdate, AKernelBecomesAnother) {
  ModelImage image;
  image.AddStream({Nop(), Kernel(kernel_)});
  Load(image);
  QueueClient& queue = Create(1);
  const vnpu_sqe update = Choose(kModel, image.EntriesOffset() + sizeof(vnpu_sqe), 4, 64);
  Choice(1, 5);
  EXPECT_EQ(UpdateIn(queue, update), VNPU_OK);
  Ran ran = RunOne();
  EXPECT_EQ(ran.unit, VNPU_UNIT_VECTOR_CORE);
  EXPECT_EQ(ran.blocks, 5u);
  Choice(0, 0xdeadull << 32 | 2);  // beside the number of blocks stands something else
  EXPECT_EQ(UpdateIn(queue, update), VNPU_OK);
  ran = RunOne();
  EXPECT_EQ(ran.unit, VNPU_UNIT_AI_CORE);
  EXPECT_EQ(ran.blocks, 2u);
}

TEST_F(TaskUpdate, AnImageChangesItself) {
  ModelImage image;
  image.AddStream({Nop(), Kernel(kernel_)});
  const uint64_t target = image.EntriesOffset() + sizeof(vnpu_sqe);
  image = ModelImage();
  image.AddStream({Choose(0, target, 2), Kernel(kernel_)});
  image.SetArgs({kernels_[0] | uint64_t{kernels_[1]} << 32});
  constexpr uint64_t kSecondImage = 8192;  // offsets count from the image that runs
  Load(image, kModel, kSecondImage);
  Choice(1, 3);
  Ran ran;
  on_work = [&](const Work& work) {
    ran = {work.queue->task.unit, work.queue->task.sqe.kernel.block_dim};
  };
  EXPECT_EQ(Run(kModel, kSecondImage), VNPU_OK);
  EXPECT_EQ(ran.unit, VNPU_UNIT_VECTOR_CORE);
  EXPECT_EQ(ran.blocks, 3u);
}

TEST_F(TaskUpdate, NumbersInMemoryAreChecked) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  Load(image);
  QueueClient& queue = Create(1);
  const vnpu_sqe update = Choose(kModel, image.EntriesOffset(), 4, 64);
  const std::pair<uint64_t, uint64_t> wrong[] = {
      {4, 1}, {UINT64_MAX, 1}, {2, 1}, {3, 1}, {0, 0}, {0, VNPU_MAX_BLOCKS + 1}, {0, UINT32_MAX}};
  for (const auto& [kernel, blocks] : wrong) {
    Choice(kernel, blocks);
    EXPECT_EQ(UpdateIn(queue, update), VNPU_E_INVALID_SQE) << kernel << " " << blocks;
  }
  EXPECT_EQ(RunOne().blocks, 1u);
  scheduler_->RemoveFunctions(1);
  Choice(1, 1);
  EXPECT_EQ(UpdateIn(queue, update), VNPU_E_INVALID_SQE) << "its module was unloaded";
}

TEST_F(TaskUpdate, MemoryThatIsNotMapped) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  Load(image);
  QueueClient& queue = Create(1);
  vnpu_sqe update = Choose(kModel, image.EntriesOffset(), 4, 64);
  update.kernel_update.blocks_va = 0x9004;
  EXPECT_EQ(UpdateIn(queue, update), VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(LastException().address, 0x9000u);
  update.kernel_update.kernel_va = 0x8000;
  EXPECT_EQ(UpdateIn(queue, update), VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(LastException().address, 0x8000u);
}

TEST_F(TaskUpdate, NonsenseIsRefused) {
  ModelImage image;
  image.AddStream({Kernel(kernel_), Nop()});
  Load(image);
  QueueClient& queue = Create(1);
  const vnpu_sqe good = Choose(kModel, image.EntriesOffset(), 4, 64);
  ASSERT_EQ(UpdateIn(queue, good), VNPU_OK);
  const auto refused = [&](auto&& change) {
    vnpu_sqe sqe = good;
    change(&sqe.kernel_update);
    EXPECT_EQ(UpdateIn(queue, sqe), VNPU_E_INVALID_SQE);
  };
  refused([](auto* update) { update->model_id = 0; });
  refused([](auto* update) { update->model_id = 2; });
  refused([](auto* update) { update->model_id = UINT32_MAX; });
  refused([](auto* update) { update->kernels = 0; });
  refused([](auto* update) { update->kernels = VNPU_MAX_UPDATE_KERNELS + 1; });
  refused([](auto* update) { update->kernels = kArgBytes / 4 - 15; });
  refused([](auto* update) { update->offset += 64; });  // no kernel
  refused([](auto* update) { update->offset += 8; });
  refused([](auto* update) { update->offset = kModelBytes; });
  refused([](auto* update) { update->offset = UINT64_MAX - 63; });
  refused([](auto* update) { update->kernel_va += 4; });
  refused([](auto* update) { update->blocks_va += 2; });
  refused([](auto* update) { update->arg_offset += 2; });
  refused([](auto* update) { update->arg_offset = kArgBytes + 4; });
  refused([](auto* update) { update->reserved0 = 1; });
  refused([](auto* update) { update->reserved1 = 1; });
  ModelImage named;
  named.AddStream({Choose(kModel, 64, 1)});
  named.SetArgs({0});
  Load(named);
  EXPECT_EQ(Run(), VNPU_E_INVALID_SQE) << "an image names no model";
}

class RandomUpdate : public TaskUpdate {
 protected:
  static constexpr uint64_t kParams = 0x10000;
  static constexpr uint64_t kSource = 0x20000;

  RandomUpdate() {
    for (uint64_t at = 0; at < sizeof(vnpu_random); at += 8) {
      platform_.words[kParams + at] = 0x1111;
    }
    source_.result = 0x7000;
    source_.counter = 0x7100;
    source_.seed = {.in_memory = 0, .value = {1, 2, 3, 4, 5, 6, 7, 8}, .size = 8, .reserved = {}};
    source_.count = {.in_memory = 1, .value = {8, 7, 6, 5, 4, 3, 2, 1}, .size = 0, .reserved = {9}};
  }
  uint32_t Update() {
    uint64_t words[sizeof(source_) / 8];
    std::memcpy(words, &source_, sizeof(source_));
    for (size_t i = 0; i < std::size(words); ++i) {
      platform_.words[kSource + 8 * i] = words[i];
    }
    return UpdateIn(*queue_, sqe_);
  }
  static vnpu_sqe MakeUpdate() {
    vnpu_sqe sqe = MakeSqe(VNPU_OP_RANDOM_UPDATE);
    sqe.random_update.params = kParams;
    sqe.random_update.source = kSource;
    return sqe;
  }
  uint64_t Param(size_t offset) { return platform_.words[kParams + offset]; }

  vnpu_random_update source_{};
  vnpu_sqe sqe_ = MakeUpdate();
};

TEST_F(RandomUpdate, FieldsAreReplaced) {
  ASSERT_EQ(Update(), VNPU_OK);
  EXPECT_EQ(Param(offsetof(vnpu_random, result)), 0x7000u);
  EXPECT_EQ(Param(offsetof(vnpu_random, counter)), 0x7100u);
  EXPECT_EQ(Param(offsetof(vnpu_random, seed)), 0x0807060504030201u);
  EXPECT_EQ(Param(offsetof(vnpu_random, seed) + 8), 0u);
  EXPECT_EQ(Param(offsetof(vnpu_random, count)), 0x0102030405060708u);
  EXPECT_EQ(Param(offsetof(vnpu_random, count) + 8), 1u);
  EXPECT_EQ(Param(offsetof(vnpu_random, distribution)), 0x1111u) << "the rest stays";
  EXPECT_EQ(Param(offsetof(vnpu_random, first)), 0x1111u);
  source_.seed.size = 2;
  ASSERT_EQ(Update(), VNPU_OK);
  EXPECT_EQ(Param(offsetof(vnpu_random, seed)), 0x0201u);
}

TEST_F(RandomUpdate, IsChecked) {
  source_.seed.size = 0;
  EXPECT_EQ(Update(), VNPU_E_INVALID_SQE);
  source_.seed.size = 9;
  EXPECT_EQ(Update(), VNPU_E_INVALID_SQE);
  source_.seed = {.in_memory = 2, .value = {}, .size = 8, .reserved = {}};
  EXPECT_EQ(Update(), VNPU_E_INVALID_SQE);
  EXPECT_EQ(Param(offsetof(vnpu_random, result)), 0x1111u) << "nothing of it was written";
  source_.seed.in_memory = 1;
  sqe_.random_update.params += 4;
  EXPECT_EQ(Update(), VNPU_E_INVALID_SQE);
  sqe_ = MakeUpdate();
  sqe_.random_update.source += 4;
  EXPECT_EQ(Update(), VNPU_E_INVALID_SQE);
  sqe_ = MakeUpdate();
  sqe_.random_update.reserved[3] = 1;
  EXPECT_EQ(Update(), VNPU_E_INVALID_SQE);
  sqe_ = MakeUpdate();
  sqe_.random_update.params = 0x90000;
  EXPECT_EQ(Update(), VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(LastException().is_write, 1u);
  sqe_ = MakeUpdate();
  sqe_.random_update.source = 0x90000;
  EXPECT_EQ(Update(), VNPU_E_DMA_ADDRESS);
}

TEST_F(RandomUpdate, WorksInImages) {
  ASSERT_EQ(Update(), VNPU_OK);
  platform_.words[kParams + offsetof(vnpu_random, result)] = 0;
  ModelImage image;
  image.AddStream({sqe_, Kernel(kernel_)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(Param(offsetof(vnpu_random, result)), 0x7000u);
}

}  // namespace
}  // namespace vnpu::firmware::test
