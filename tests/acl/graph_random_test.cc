// Random graphs, captured over several streams, against a reference that walks the dependencies.
#include <algorithm>
#include <array>
#include <functional>
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

// What the kernel mix_nodes makes of a node's inputs.
uint32_t Mix(const Node& node, uint32_t number, const uint32_t* values) {
  const auto value = [&](size_t input) {
    return node.inputs[input] != 0 ? values[node.inputs[input] - 1] : 0;
  };
  return (31 * (value(0) + 3 * value(1) + 7 * value(2)) + number) % 65521;
}

// And what they make of the graph.
std::vector<uint32_t> Reference(const std::vector<Node>& nodes) {
  std::vector<uint32_t> values;
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    values.push_back(Mix(nodes[i], i, values.data()));
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

  // The node as a kernel that works on `values`.
  void Launch(const Node& node, uint32_t number, uint32_t* values, aclrtStream stream) {
    struct {
      uint32_t* values;
      uint32_t* out;
      uint32_t own;
      uint32_t inputs[3];
    } args{values, values + number, number, {}};
    std::ranges::copy(node.inputs, args.inputs);
    ASSERT_OK(aclrtLaunchKernelWithHostArgs(kernel_, 1, stream, nullptr, &args, sizeof(args),
                                            nullptr, 0));
  }
  void LaunchOnDevice(const Node& node, uint32_t number) {
    Launch(node, number, values_->get(), streams_[node.stream]);
  }

  aclmdlRI Capture(const std::vector<Node>& nodes) {
    return Capture(nodes, [&](const Node& node, uint32_t number) { LaunchOnDevice(node, number); });
  }
  // Each node is recorded, and waited for by the streams of those that read it.
  template <class Add>
  aclmdlRI Capture(const std::vector<Node>& nodes, Add&& add) {
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
      add(nodes[i], i);
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

TEST_F(GraphRandomTest, HostFunctionsAndModelsAreLikeKernels) {
  PinnedArray<uint32_t> values(kMostNodes);
  for (uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    random_.seed(seed);
    const std::vector<Node> nodes = MakeGraph();
    std::vector<aclmdlRI> inner(nodes.size());
    std::vector<std::function<void()>> functions(nodes.size());
    for (uint32_t i = 0; i < nodes.size(); ++i) {
      const uint32_t way = Below(4);
      if (way == 0) {
        functions[i] = [&values, node = nodes[i], i] { values[i] = Mix(node, i, values.get()); };
      } else if (way == 1) {
        ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
        Launch(nodes[i], i, values.get(), stream_);
        inner[i] = EndCapture(stream_);
      }
    }
    const aclmdlRI model = Capture(nodes, [&](const Node& node, uint32_t i) {
      const aclrtStream stream = streams_[node.stream];
      if (functions[i]) {
        ASSERT_OK(aclrtLaunchHostFunc(stream, &CallFunction, &functions[i]));
      } else if (inner[i] != nullptr) {
        ASSERT_OK(aclmdlRIExecuteAsync(inner[i], stream));
      } else {
        Launch(node, i, values.get(), stream);
      }
    });
    ASSERT_NE(model, nullptr);
    const std::vector<uint32_t> expected = Reference(nodes);
    for (int run = 0; run < 2; ++run) {
      std::fill_n(values.get(), kMostNodes, ~0U);
      ASSERT_OK(Run(model));
      ASSERT_EQ(std::vector<uint32_t>(values.get(), values.get() + nodes.size()), expected);
    }
    ASSERT_OK(aclmdlRIDestroy(model));
    for (const aclmdlRI each : inner) {
      if (each != nullptr) {
        ASSERT_OK(aclmdlRIDestroy(each));
      }
    }
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
