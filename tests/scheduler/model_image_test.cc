// Images that make no sense, and the entries of queues that name them.
#include <random>

#include "tests/scheduler/model_fixture.h"

namespace vnpu::firmware::test {
namespace {

class ModelImages : public ModelTest {
 protected:
  // Two graphs, three streams, two registers, a label, arguments.
  ModelImage Sound() {
    ModelImage image(1);
    image.AddStream({Kernel(kernel_), Condition(VNPU_MODEL_IF, kWord, 1)});
    image.AddStream({Copy(64, 128, 8)});
    image.AddGraph(1);
    image.AddStream({Kernel(kernel_), SetRegister(0), AwaitRegister(0)});
    image.AddLabel(0, 0);
    image.SetArgs({1, 2, 3});
    return image;
  }
  vnpu_model_image& header() { return *reinterpret_cast<vnpu_model_image*>(memory()); }
  vnpu_model_graph* graphs() {
    return reinterpret_cast<vnpu_model_graph*>(memory() + vnpu_model_graphs_offset());
  }
  vnpu_model_stream* streams() {
    return reinterpret_cast<vnpu_model_stream*>(memory() + vnpu_model_streams_offset(&header()));
  }
};

struct BadImage {
  const char* name;
  void (*spoil)(vnpu_model_image* header, vnpu_model_graph* graphs, vnpu_model_stream* streams);
};

class ModelBadImage : public ModelImages, public testing::WithParamInterface<BadImage> {};

TEST_P(ModelBadImage, IsRefusedAndTheNextOneRuns) {
  platform_.words = {{kWord, 1}};
  Load(Sound());
  ASSERT_EQ(Run(), VNPU_OK);
  ASSERT_EQ(order_.size(), 3u);
  GetParam().spoil(&header(), graphs(), streams());
  EXPECT_EQ(Run(), VNPU_E_INVALID_SQE);
  EXPECT_TRUE(order_.empty());
  EXPECT_EQ(LastException().opcode, VNPU_OP_MODEL_EXECUTE);
  EXPECT_EQ(Completed(), 2u) << "also the count of one that did not start";
  Load(Sound());
  EXPECT_EQ(Run(), VNPU_OK);
}

#define BAD_IMAGE(name, change)                                                                \
  BadImage {                                                                                   \
    name, [](vnpu_model_image* header, vnpu_model_graph* graphs, vnpu_model_stream* streams) { \
      (void)header, (void)graphs, (void)streams;                                               \
      change;                                                                                  \
    }                                                                                          \
  }
INSTANTIATE_TEST_SUITE_P(
    Images, ModelBadImage,
    testing::Values(
        BAD_IMAGE("VersionOld", header->version = 0), BAD_IMAGE("VersionNew", ++header->version),
        BAD_IMAGE("Flags", header->flags = 1), BAD_IMAGE("Reserved0", header->reserved[0] = 1),
        BAD_IMAGE("Reserved2", header->reserved[2] = 1), BAD_IMAGE("NoGraph", header->graphs = 0),
        BAD_IMAGE("ManyGraphs", header->graphs = 9),
        BAD_IMAGE("GraphsBeyondMemory", header->graphs = UINT32_MAX),
        BAD_IMAGE("ManyStreams", header->streams = 17),
        BAD_IMAGE("StreamsOfNobody", header->streams = 4),
        BAD_IMAGE("StreamsMissing", header->streams = 2),
        BAD_IMAGE("ManyRegisters", header->registers = 65),
        BAD_IMAGE("RegistersOfNobody", header->registers = 3),
        BAD_IMAGE("RegistersMissing", header->registers = 1),
        BAD_IMAGE("ManyLabels", header->labels = VNPU_MAX_MODEL_LABELS + 1),
        BAD_IMAGE("LabelsBeyondMemory", header->labels = 60'000),
        BAD_IMAGE("ManyEntries", header->entries = VNPU_MAX_MODEL_ENTRIES + 1),
        BAD_IMAGE("EntriesBeyondMemory", header->entries = 100'000),
        BAD_IMAGE("EntriesMissing", header->entries = 5),
        BAD_IMAGE("ArgsAligned", header->arg_bytes = 20),
        BAD_IMAGE("ArgsBeyondMemory", header->arg_bytes = UINT32_MAX - 7),
        BAD_IMAGE("GraphStreamsGap", graphs[1].first_stream = 3),
        BAD_IMAGE("GraphStreamsOverlap", graphs[1].first_stream = 1),
        BAD_IMAGE("GraphStreamsBeyond", graphs[1].streams = UINT32_MAX),
        BAD_IMAGE("GraphFirstStream", graphs[0].first_stream = 1),
        BAD_IMAGE("GraphRegistersGap", graphs[1].first_register = 2),
        BAD_IMAGE("GraphRegistersOverlap", graphs[1].first_register = 0),
        BAD_IMAGE("GraphRegistersBeyond", graphs[0].registers = UINT32_MAX),
        BAD_IMAGE("StreamOfAnotherGraph", streams[1].graph = 1),
        BAD_IMAGE("StreamOfNoGraph", streams[2].graph = 2),
        BAD_IMAGE("StreamFlags", streams[0].flags = 2),
        BAD_IMAGE("StreamPriority", streams[0].priority = VNPU_PRIORITIES),
        BAD_IMAGE("StreamReserved0", streams[0].reserved[0] = 1),
        BAD_IMAGE("StreamReserved2", streams[2].reserved[2] = 1),
        BAD_IMAGE("StreamFirstEntry", streams[2].first_entry = 4),
        BAD_IMAGE("StreamFirstEntryBeyond", streams[0].first_entry = UINT32_MAX),
        BAD_IMAGE("StreamEntries", streams[2].entries = 4),
        BAD_IMAGE("StreamEntriesBeyond", streams[0].entries = UINT32_MAX)),
    [](const auto& tested) { return tested.param.name; });

TEST_F(ModelImages, EntriesAreCheckedWhenTheyAreReached) {
  platform_.words = {{kWord, 1}};
  const ModelImage sound = Sound();
  for (const bool queue_id : {true, false}) {
    Load(sound);
    auto* entries = reinterpret_cast<vnpu_sqe*>(memory() + sound.EntriesOffset());
    (queue_id ? entries[1].queue_id : entries[1].seq) += 1;
    EXPECT_EQ(Run(), VNPU_E_INVALID_SQE);
    EXPECT_EQ(LastException().stream, 0u);
    EXPECT_EQ(LastException().position, 1u);
  }
}

TEST_F(ModelImages, KernelArgumentsStayInTheArgumentArea) {
  const uint32_t kernel = AddKernel(VNPU_UNIT_AI_CORE, 16);
  vnpu_sqe launch = Kernel(kernel);
  launch.kernel.arg_size = 16;
  for (const auto& [offset, status] :
       {std::pair{8u, VNPU_OK}, std::pair{16u, VNPU_E_INVALID_SQE},
        std::pair{24u, VNPU_E_INVALID_SQE}, std::pair{UINT32_MAX - 7, VNPU_E_INVALID_SQE},
        std::pair{4u, VNPU_E_INVALID_SQE}}) {
    launch.kernel.arg_offset = offset;
    ModelImage image;
    image.AddStream({launch});
    image.SetArgs({1, 2, 3});
    Load(image);
    EXPECT_EQ(Run(), static_cast<uint32_t>(status)) << offset;
  }
}

// Entries of queues ---------------------------------------------------------------------------

TEST_F(ModelImages, ExecuteIsChecked) {
  Load(Sound());
  const vnpu_sqe good = Execute(kModel);
  for (const vnpu_sqe& sqe : {
           Execute(0),
           Execute(2),
           Execute(VNPU_MAX_MODELS),
           Execute(UINT32_MAX),
           Execute(kModel, 32),
           Execute(kModel, kModelBytes),
           Execute(kModel, UINT64_MAX & ~uint64_t{63}),
           With(good, [](vnpu_sqe* s) { s->execute.update_bytes = 8, s->execute.arg_offset = 4; }),
           With(good, [](vnpu_sqe* s) { s->execute.update_bytes = 12; }),
           With(good, [](vnpu_sqe* s) { s->execute.update_bytes = VNPU_MAX_UPDATE_BYTES + 8; }),
           With(good, [](vnpu_sqe* s) { s->execute.update_offset = 8; }),
           With(good, [](vnpu_sqe* s) { s->execute.arg_offset = 8; }),
           With(good, [](vnpu_sqe* s) { s->execute.reserved0 = 1; }),
           With(good, [](vnpu_sqe* s) { s->execute.reserved1[0] = 1; }),
           With(good, [](vnpu_sqe* s) { s->execute.reserved1[1] = 1; }),
       }) {
    Publish(*queue_, sqe);
    ExpectNoWork();
    EXPECT_EQ(StatusOf(*queue_), VNPU_E_INVALID_SQE);
  }
}

TEST_F(ModelImages, UpdateIsChecked) {
  const vnpu_sqe good = Update(kModel, kModelBytes - 64, 64, kArgBytes - 64);
  for (const vnpu_sqe& sqe : {
           Update(0, 0, 8),
           Update(2, 0, 8),
           Update(kModel, 0, 0),
           Update(kModel, 0, 12),
           Update(kModel, 0, VNPU_MAX_UPDATE_BYTES + 8),
           Update(kModel, 4, 8),
           Update(kModel, kModelBytes, 8),
           Update(kModel, kModelBytes - 8, 16),
           Update(kModel, UINT64_MAX - 7, 8),
           Update(kModel, 0, 8, 4),
           Update(kModel, 0, 16, kArgBytes - 8),
           Update(kModel, 0, 8, UINT32_MAX - 7),
           With(good, [](vnpu_sqe* s) { s->update.reserved0 = 1; }),
           With(good, [](vnpu_sqe* s) { s->update.reserved1[0] = 1; }),
           With(good, [](vnpu_sqe* s) { s->update.reserved1[2] = 1; }),
       }) {
    Publish(*queue_, sqe);
    ExpectNoWork();
    EXPECT_EQ(StatusOf(*queue_), VNPU_E_INVALID_SQE);
  }
  Publish(*queue_, WithCqe(good));
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_OK);
}

TEST_F(ModelImages, ModelsAreCheckedWhenTheyAreMade) {
  const std::span<std::byte> shared(memory(), kModelBytes);
  EXPECT_EQ(scheduler_->CreateModel(kModel, shared, kLimits), -EEXIST);
  EXPECT_EQ(scheduler_->CreateModel(0, shared, kLimits), -EINVAL);
  EXPECT_EQ(scheduler_->CreateModel(VNPU_MAX_MODELS + 1, shared, kLimits), -EINVAL);
  EXPECT_EQ(scheduler_->CreateModel(VNPU_MAX_MODELS, shared, kLimits), 0);
  const ModelLimits many = {.streams = VNPU_MAX_MODEL_STREAMS + 1, .graphs = 1, .registers = 0};
  EXPECT_EQ(scheduler_->CreateModel(3, shared, many), -EINVAL);
  EXPECT_EQ(scheduler_->DestroyModel(3), -ENOENT);
  EXPECT_EQ(scheduler_->AbortModel(3), -ENOENT);
  EXPECT_EQ(scheduler_->DestroyModel(UINT32_MAX), -ENOENT);
}

// Whatever stands in an image, and however it changes during the run: the run ends, if need be by
// an abort, and a sound one works afterwards.
TEST_F(ModelImages, RandomBytesDoNoHarm) {
  platform_.words = {{kWord, 1}, {kWord + 8, 0}};
  std::mt19937_64 random(7);
  const auto below = [&random](uint64_t limit) { return random() % limit; };
  const ModelImage sound = Sound();
  const size_t words = sound.bytes() / 8;
#ifdef NDEBUG
  constexpr int kImages = 20'000;
#else
  constexpr int kImages = 3'000;
#endif
  for (int i = 0; i < kImages; ++i) {
    Load(sound);
    const auto spoil = [&] {
      auto* at = reinterpret_cast<uint64_t*>(memory()) + below(words);
      const uint64_t bits[] = {random(), uint64_t{1} << below(64), below(8), UINT64_MAX, 0};
      *at = below(2) == 0 ? *at ^ bits[below(5)] : bits[below(5)];
      auto* entries = reinterpret_cast<vnpu_sqe*>(memory() + sound.EntriesOffset());
      if (below(4) == 0) {
        entries[below(6)].opcode = static_cast<uint8_t>(below(VNPU_OP_COUNT + 1));
      }
    };
    for (uint64_t changes = 1 + below(4); changes > 0; --changes) {
      spoil();
    }
    Publish(*queue_, Execute(kModel));
    PickSome();
    for (int steps = 0; !out_.empty() && steps < 50; ++steps) {
      const size_t index = below(out_.size());
      const Work work = out_[index];
      out_.erase(out_.begin() + static_cast<ptrdiff_t>(index));
      Retire(work, below(10) == 0 ? VNPU_E_TRAP : VNPU_OK);
      spoil();
      PickSome();
    }
    ASSERT_EQ(scheduler_->AbortModel(kModel), 0);
    for (const Work& work : out_) {
      Retire(work, VNPU_E_ABORTED);
    }
    out_.clear();
    ExpectNoWork();
    ASSERT_TRUE(queue_->Done());
    while (queue_->Consume()) {
    }
  }
  Load(sound);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_.size(), 3u);
}

}  // namespace
}  // namespace vnpu::firmware::test
