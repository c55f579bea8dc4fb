// Random graphs, captured over several streams, against a reference that walks the dependencies.
#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "tests/acl/graph_support.h"

namespace vnpu::test {
namespace {

constexpr size_t kMostStreams = 6;
constexpr uint32_t kMostNodes = 60;

struct Node {
  size_t stream = 0;
  std::array<uint32_t, 3> inputs{};  // number of the node + 1; 0: none
};

// What the kernels mix_nodes make of the graph.
std::vector<uint32_t> Reference(const std::vector<Node>& nodes) {
  std::vector<uint32_t> values;
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    const auto value = [&](size_t input) {
      return nodes[i].inputs[input] != 0 ? values[nodes[i].inputs[input] - 1] : 0;
    };
    values.push_back((31 * (value(0) + 3 * value(1) + 7 * value(2)) + i) % 65521);
  }
  return values;
}

class GraphRandomTest : public GraphTest {
 protected:
  void SetUp() override {
    GraphTest::SetUp();
    streams_ = {stream_, other_};
    while (streams_.size() < kMostStreams) {
      ASSERT_OK(aclrtCreateStream(&streams_.emplace_back()));
    }
    for (uint32_t i = 0; i < kMostNodes + kMostStreams; ++i) {
      events_.push_back(MakeEvent());
    }
    values_ = std::make_unique<DeviceArray<uint32_t>>(kMostNodes);
    kernel_ = Kernel("mix_nodes");
  }
  void TearDown() override {
    values_.reset();
    GraphTest::TearDown();
  }

  uint32_t Below(uint32_t bound) { return std::uniform_int_distribution(0U, bound - 1)(random_); }

  std::vector<Node> MakeGraph() {
    const size_t streams = 1 + Below(kMostStreams);
    std::vector<Node> nodes(1 + Below(kMostNodes));
    for (uint32_t i = 1; i < nodes.size(); ++i) {
      nodes[i].stream = Below(static_cast<uint32_t>(streams));
      for (uint32_t& input : nodes[i].inputs) {
        input = Below(4) == 0 ? 0 : 1 + Below(i);
      }
    }
    return nodes;
  }

  void Launch(const Node& node, uint32_t number) {
    struct {
      uint32_t* values;
      uint32_t* out;
      uint32_t own;
      uint32_t inputs[3];
    } args{values_->get(), values_->get() + number, number, {}};
    std::ranges::copy(node.inputs, args.inputs);
    ASSERT_OK(aclrtLaunchKernelWithHostArgs(kernel_, 1, streams_[node.stream], nullptr, &args,
                                            sizeof(args), nullptr, 0));
  }

  // Each node is recorded, and waited for by the streams of those that read it.
  aclmdlRI Capture(const std::vector<Node>& nodes) {
    EXPECT_OK(aclmdlRICaptureBegin(streams_[0], kGlobal));
    std::set<size_t> captured{0};
    for (uint32_t i = 0; i < nodes.size(); ++i) {
      const size_t stream = nodes[i].stream;
      for (const uint32_t input : nodes[i].inputs) {
        if (input != 0 && nodes[input - 1].stream != stream) {
          EXPECT_OK(aclrtStreamWaitEvent(streams_[stream], events_[input - 1]));
          captured.insert(stream);
        }
      }
      if (captured.insert(stream).second) {  // nothing else took it in
        EXPECT_OK(aclrtStreamWaitEvent(streams_[stream], events_[0]));
      }
      Launch(nodes[i], i);
      EXPECT_OK(aclrtRecordEvent(events_[i], streams_[stream]));
    }
    // Back to the first stream, some by way of others.
    std::vector<size_t> sides(captured.begin(), captured.end());
    for (size_t i = sides.size() - 1; i > 0; --i) {
      const size_t to = Below(2) == 0 ? 0 : sides[i - 1];
      EXPECT_OK(aclrtRecordEvent(events_[kMostNodes + i], streams_[sides[i]]));
      EXPECT_OK(aclrtStreamWaitEvent(streams_[to], events_[kMostNodes + i]));
    }
    return EndCapture(streams_[0]);
  }

  std::mt19937 random_;
  std::vector<aclrtStream> streams_;
  std::vector<aclrtEvent> events_;
  std::unique_ptr<DeviceArray<uint32_t>> values_;
  aclrtFuncHandle kernel_ = nullptr;
};

TEST_F(GraphRandomTest, RunsLikeTheReference) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    random_.seed(seed);
    const std::vector<Node> nodes = MakeGraph();
    const aclmdlRI model = Capture(nodes);
    ASSERT_NE(model, nullptr);
    std::vector<uint32_t> expected = Reference(nodes);
    for (int run = 0; run < 2; ++run) {
      ASSERT_OK(
          aclrtMemsetAsync(values_->get(), values_->bytes(), 0xff, values_->bytes(), stream_));
      ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
      ASSERT_OK(aclrtSynchronizeStream(stream_));
      std::vector<uint32_t> values = values_->Read();
      values.resize(nodes.size());
      ASSERT_EQ(values, expected);
    }
    ASSERT_OK(aclmdlRIDestroy(model));
  }
}

TEST_F(GraphRandomTest, UpdatesBetweenRunsLeaveTheRest) {
  random_.seed(1);
  std::vector<Node> nodes = MakeGraph();
  while (nodes.size() < kMostNodes / 2) {
    nodes = MakeGraph();
  }
  const aclmdlRI model = Capture(nodes);
  std::vector<aclmdlRITask> tasks;
  std::vector<uint32_t> numbers;
  for (const aclrtStream stream : Streams(model)) {
    for (const aclmdlRITask task : Tasks(stream)) {
      if (Type(task) == ACL_MODEL_RI_TASK_KERNEL) {
        aclmdlRITaskParams params{};
        ASSERT_OK(aclmdlRITaskGetParams(task, &params));
        uint32_t number = 0;
        ASSERT_OK(aclrtMemcpy(&number, sizeof(number),
                              static_cast<char*>(params.kernelTaskParams.args) + 16, sizeof(number),
                              ACL_MEMCPY_DEFAULT));
        tasks.push_back(task);
        numbers.push_back(number);
      }
    }
  }
  for (int round = 0; round < 50; ++round) {
    const size_t chosen = Below(static_cast<uint32_t>(tasks.size()));
    const uint32_t number = numbers[chosen];
    for (uint32_t& input : nodes[number].inputs) {
      input = Below(2) == 0 ? 0 : input;  // fewer: the order suffices for what stays
    }
    struct {
      uint32_t* values;
      uint32_t* out;
      uint32_t own;
      uint32_t inputs[3];
    } args{values_->get(), values_->get() + number, number, {}};
    std::ranges::copy(nodes[number].inputs, args.inputs);
    aclmdlRITaskParams params{};
    ASSERT_OK(aclmdlRITaskGetParams(tasks[chosen], &params));
    params.kernelTaskParams.args = &args;
    params.kernelTaskParams.isHostArgs = 1;
    ASSERT_OK(aclmdlRITaskSetParams(tasks[chosen], &params));
    ASSERT_OK(aclmdlRIUpdate(model));
    ASSERT_OK(Run(model));
    std::vector<uint32_t> values = values_->Read();
    values.resize(nodes.size());
    ASSERT_EQ(values, Reference(nodes)) << round;
  }
}

}  // namespace
}  // namespace vnpu::test
