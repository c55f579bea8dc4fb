// Random graphs, run by simulated workers in random order, against a reference that walks the
// dependencies: an entry runs once in each round, behind all that it depends on, and whenever a
// unit is free for it.
#include <algorithm>
#include <random>

#include "tests/scheduler/model_fixture.h"

namespace vnpu::firmware::test {
namespace {

constexpr uint32_t kMaxStreams = 16;
constexpr uint32_t kMaxNodes = 2000;
constexpr uint64_t kWords = 0x10000;  // of the conditions, 8 bytes each

enum class Kind : uint8_t { kNop, kKernel, kVector, kCopy, kIf, kWhile };

struct Node {
  Kind kind = Kind::kNop;
  uint32_t stream = 0;
  uint32_t position = 0;  // of its own entry, behind those that wait for others
  uint32_t all_blocks = 0;
  uint32_t graph = 0;            // it belongs to
  uint32_t body = 0;             // kIf, kWhile: the graph that it runs
  uint32_t rounds = 0;           // and how often
  std::vector<uint32_t> before;  // nodes of other streams that it depends on
  std::vector<uint32_t> behind;  // all nodes that depend on it
  uint32_t degree = 0;           // how many it depends on
  // In the run.
  uint32_t missing = 0;  // of those, how many are not done
  uint32_t blocks = 0;   // fewer than all when one has failed
  uint32_t started = 0;  // blocks
  uint32_t finished = 0;
  uint32_t rounds_left = 0;
  bool broken = false;
  bool done = false;
};

struct Graph {
  std::vector<uint32_t> nodes;
  uint32_t parent = 0;  // node that runs it
  uint32_t left = 0;    // nodes that are not done in this round
};

class RandomGraphs : public ModelTest {
 protected:
  static constexpr ModelLimits kMost = {.streams = 64, .graphs = 8, .registers = 8192};
  static constexpr size_t kBytes = 4 << 20;
  static constexpr uint32_t kRandomModel = 2;

  RandomGraphs() {
    vector_kernel_ = AddKernel(VNPU_UNIT_VECTOR_CORE);
    CreateModel(kRandomModel, kBytes, kMost);
  }

  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }

  // Making one ----------------------------------------------------------------------------------

  void MakeGraph(uint32_t node_count) {
    nodes_.clear();
    graphs_.assign(1, {});
    first_stream_ = {0};
    stream_count_ = {1 + Below(kMaxStreams)};
    for (uint32_t i = 0; i < node_count; ++i) {
      AddNode(0, i, Below(40) == 0 && graphs_.size() < 6);
    }
    // Bodies behind their conditions, so that streams are in the order of their graphs.
    for (uint32_t graph = 1; graph < graphs_.size(); ++graph) {
      first_stream_.push_back(first_stream_.back() + stream_count_.back());
      stream_count_.push_back(1 + Below(3));
      for (uint32_t i = 0; i < Below(12); ++i) {
        AddNode(graph, i, false);
      }
    }
    Compile();
  }

  void AddNode(uint32_t graph, uint32_t index, bool condition) {
    Node node;
    node.graph = graph;
    node.stream = first_stream_[graph] + Below(stream_count_[graph]);
    const Kind kinds[] = {Kind::kKernel, Kind::kKernel, Kind::kKernel,
                          Kind::kVector, Kind::kCopy,   Kind::kNop};
    node.kind = kinds[Below(6)];
    node.all_blocks = node.kind == Kind::kNop ? 0 : 1;
    if (node.all_blocks != 0 && node.kind != Kind::kCopy && Below(4) == 0) {
      node.all_blocks = 1 + Below(5);
    }
    if (condition) {
      node.kind = Below(2) == 0 ? Kind::kIf : Kind::kWhile;
      node.all_blocks = 0;
      node.rounds = Below(node.kind == Kind::kIf ? 2 : 4);
      node.body = static_cast<uint32_t>(graphs_.size());
      graphs_.push_back({.nodes = {}, .parent = static_cast<uint32_t>(nodes_.size())});
    }
    std::vector<uint32_t>& siblings = graphs_[graph].nodes;
    for (uint32_t edges = Below(4); edges > 0 && index > 0; --edges) {
      // Mostly from near.
      const uint32_t back = 1 + Below(Below(8) == 0 ? index : std::min(index, 20u));
      const uint32_t from = siblings[index - back];
      if (nodes_[from].stream != node.stream &&
          std::ranges::find(node.before, from) == node.before.end()) {
        node.before.push_back(from);
      }
    }
    siblings.push_back(static_cast<uint32_t>(nodes_.size()));
    nodes_.push_back(std::move(node));
  }

  vnpu_sqe EntryOf(const Node& node) {
    switch (node.kind) {
      case Kind::kKernel:
        return Kernel(kernel_, node.all_blocks);
      case Kind::kVector:
        return Kernel(vector_kernel_, node.all_blocks);
      case Kind::kCopy:
        return Copy(64, 128, Below(1000));
      case Kind::kIf:
        return Condition(VNPU_MODEL_IF, kWords + 8 * node.body, node.body);
      case Kind::kWhile:
        return Condition(VNPU_MODEL_WHILE, kWords + 8 * node.body, node.body);
      default:
        return Nop();
    }
  }

  // Into an image: a register for each node that others wait for.
  void Compile() {
    std::vector<std::vector<vnpu_sqe>> streams(first_stream_.back() + stream_count_.back());
    std::vector<uint32_t> registers(graphs_.size());
    std::vector<uint32_t> last(streams.size(), UINT32_MAX);
    std::vector<uint32_t> reg(nodes_.size(), UINT32_MAX);
    for (const Node& node : nodes_) {
      for (const uint32_t from : node.before) {
        reg[from] = reg[from] == UINT32_MAX ? registers[node.graph]++ : reg[from];
      }
    }
    for (uint32_t graph = 0; graph < graphs_.size(); ++graph) {
      for (const uint32_t id : graphs_[graph].nodes) {
        Node& node = nodes_[id];
        std::vector<vnpu_sqe>& entries = streams[node.stream];
        for (const uint32_t from : node.before) {
          entries.push_back(AwaitRegister(reg[from]));
          nodes_[from].behind.push_back(id);
        }
        node.degree = static_cast<uint32_t>(node.before.size());
        if (last[node.stream] != UINT32_MAX) {
          nodes_[last[node.stream]].behind.push_back(id);
          ++node.degree;
        }
        last[node.stream] = id;
        node.position = static_cast<uint32_t>(entries.size());
        entries.push_back(EntryOf(node));
        if (reg[id] != UINT32_MAX) {
          entries.push_back(SetRegister(reg[id]));
        }
      }
    }
    ModelImage image(registers[0]);
    by_position_.assign(streams.size(), {});
    for (uint32_t graph = 0; graph < graphs_.size(); ++graph) {
      if (graph != 0) {
        image.AddGraph(registers[graph]);
      }
      for (uint32_t i = 0; i < stream_count_[graph]; ++i) {
        const uint32_t stream = image.AddStream(VNPU_MODEL_STARTS, Below(VNPU_PRIORITIES));
        for (const vnpu_sqe& entry : streams[stream]) {
          image.Add(stream, entry);
        }
        by_position_[stream].assign(streams[stream].size(), UINT32_MAX);
      }
    }
    for (uint32_t id = 0; id < nodes_.size(); ++id) {
      by_position_[nodes_[id].stream][nodes_[id].position] = id;
    }
    ASSERT_LE(image.bytes(), kBytes);
    Load(image, kRandomModel);
  }

  // The reference -------------------------------------------------------------------------------

  void StartGraph(uint32_t graph) {
    graphs_[graph].left = static_cast<uint32_t>(graphs_[graph].nodes.size());
    for (const uint32_t id : graphs_[graph].nodes) {
      Node& node = nodes_[id];
      node.missing = node.degree;
      node.blocks = node.all_blocks;
      node.started = node.finished = 0;
      node.rounds_left = node.rounds;
      node.broken = node.done = false;
    }
    if (graphs_[graph].left == 0) {
      EndGraph(graph);
      return;
    }
    const std::vector<uint32_t> ids = graphs_[graph].nodes;
    for (const uint32_t id : ids) {
      if (nodes_[id].degree == 0) {
        Reach(id);
      }
    }
  }

  void EndGraph(uint32_t graph) {
    if (graph == 0) {
      over_ = true;
      return;
    }
    Node& parent = nodes_[graphs_[graph].parent];
    --platform_.words[kWords + 8 * graph];
    --parent.rounds_left;
    Reach(graphs_[graph].parent);
  }

  // All that the node depends on is done.
  void Reach(uint32_t id) {
    Node& node = nodes_[id];
    if (node.blocks != 0) {
      ready_.push_back(id);
    } else if (node.rounds_left != 0) {
      StartGraph(node.body);
    } else {
      Finish(id);
    }
  }

  void Finish(uint32_t id) {
    Node& node = nodes_[id];
    ASSERT_FALSE(node.done);
    node.done = true;
    for (const uint32_t next : node.behind) {
      if (--nodes_[next].missing == 0) {
        Reach(next);
      }
    }
    if (--graphs_[node.graph].left == 0) {
      EndGraph(node.graph);
    }
  }

  static uint32_t UnitOf(const Node& node) {
    return node.kind == Kind::kKernel   ? VNPU_UNIT_AI_CORE
           : node.kind == Kind::kVector ? VNPU_UNIT_VECTOR_CORE
                                        : VNPU_UNIT_DMA;
  }

  // Running it ----------------------------------------------------------------------------------

  void TakeWork(const Work& work) {
    ASSERT_NE(work.queue->model, nullptr);
    ASSERT_LT(work.queue->head, by_position_[work.queue->entry_id].size());
    const uint32_t id = by_position_[work.queue->entry_id][work.queue->head];
    ASSERT_NE(id, UINT32_MAX);
    Node& node = nodes_[id];
    ASSERT_FALSE(failed_) << "nothing starts behind a failure";
    ASSERT_EQ(node.missing, 0u) << "before what it depends on";
    ASSERT_EQ(node.started, work.first) << "started twice";
    node.started += work.count;
    ASSERT_LE(node.started, node.blocks);
    if (node.started == node.blocks) {
      RemoveReady(id);
    }
    ++used_[UnitOf(node)];
    work_.push_back(work);
  }

  void RemoveReady(uint32_t id) {
    const auto found = std::ranges::find(ready_, id);
    ASSERT_NE(found, ready_.end());
    *found = ready_.back();
    ready_.pop_back();
  }

  // Nothing is left lying for which a unit is free.
  void ExpectNothingReady() {
    for (const uint32_t id : ready_) {
      const uint32_t unit = UnitOf(nodes_[id]);
      ASSERT_EQ(used_[unit], units_total_[unit]) << "a node could run";
    }
  }

  void RetireOne(bool fail) {
    const size_t index = Below(static_cast<uint32_t>(work_.size()));
    const Work work = work_[index];
    work_[index] = work_.back();
    work_.pop_back();
    const uint32_t id = by_position_[work.queue->entry_id][work.queue->head];
    Node& node = nodes_[id];
    --used_[UnitOf(node)];
    node.finished += work.count;
    if (fail && !failed_ && node.started < node.blocks) {
      RemoveReady(id);  // no more of its blocks start
      node.blocks = node.started;
    }
    node.broken = node.broken || fail;
    if (!failed_ && node.finished == node.blocks) {
      if (node.broken) {
        failed_ = true;
        ready_.clear();
      } else {
        // Before the scheduler, which may read a condition that changes with this.
        Finish(id);
      }
    }
    Retire(work, fail ? VNPU_E_TRAP : VNPU_OK, Below(3000));
  }

  void RunOnce(bool may_fail) {
    for (uint32_t body = 1; body < graphs_.size(); ++body) {
      platform_.words[kWords + 8 * body] = nodes_[graphs_[body].parent].rounds;
    }
    over_ = failed_ = false;
    ready_.clear();
    work_.clear();
    used_ = {};
    StartGraph(0);
    Publish(*queue_, WithCqe(Execute(kRandomModel)));
    const uint32_t workers = 1 + Below(8);
    for (;;) {
      Work work;
      bool picked = false;
      while (work_.size() < workers && (picked = TryPick(&work))) {
        NoteStart(&work);
        TakeWork(work);
        ASSERT_FALSE(HasFatalFailure());
        if (Below(3) == 0) {
          break;
        }
      }
      if (!picked && work_.size() < workers) {
        if (scheduler_->HasMore()) {
          continue;
        }
        ExpectNothingReady();
        ASSERT_FALSE(HasFatalFailure());
        if (work_.empty()) {
          break;
        }
      }
      if (!work_.empty()) {
        RetireOne(may_fail && Below(200) == 0);
        ASSERT_FALSE(HasFatalFailure());
      }
    }
    ASSERT_TRUE(queue_->Done());
    ASSERT_EQ(StatusOf(*queue_), failed_ ? VNPU_E_TRAP : VNPU_OK);
    ASSERT_EQ(over_, !failed_);
  }

  void MakeUnits() {
    units_total_ = {1 + Below(4), 1 + Below(3), 0, 1, 1 + Below(3)};
    SetUnits(units_total_[VNPU_UNIT_AI_CORE], units_total_[VNPU_UNIT_VECTOR_CORE],
             units_total_[VNPU_UNIT_AI_CPU], units_total_[VNPU_UNIT_DMA]);
  }

  std::mt19937_64 random_{20261124};
  uint32_t vector_kernel_ = 0;
  std::vector<Node> nodes_;
  std::vector<Graph> graphs_;
  std::vector<uint32_t> first_stream_;  // by graph
  std::vector<uint32_t> stream_count_;
  std::vector<std::vector<uint32_t>> by_position_;  // node, by stream and position
  std::vector<uint32_t> ready_;                     // nodes with blocks to start
  std::vector<Work> work_;
  std::array<uint32_t, VNPU_UNIT_COUNT> units_total_{};
  std::array<uint32_t, VNPU_UNIT_COUNT> used_{};
  bool over_ = false;
  bool failed_ = false;
};

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || !defined(NDEBUG)
constexpr int kGraphs = 300;
#else
constexpr int kGraphs = 10'000;
#endif

TEST_F(RandomGraphs, RunAsTheirDependenciesSay) {
  for (int i = 0; i < kGraphs; ++i) {
    MakeUnits();
    // Most are small, so that there are many; some are as large as they get.
    const uint32_t most = i % 4 == 0 ? kMaxNodes : i % 4 == 1 ? 400 : 40;
    MakeGraph(Below(most + 1));
    RunOnce(/*may_fail=*/false);
    ASSERT_FALSE(HasFatalFailure()) << "graph " << i;
    RunOnce(/*may_fail=*/i % 3 == 0);
    ASSERT_FALSE(HasFatalFailure()) << "graph " << i << ", second run";
  }
}

}  // namespace
}  // namespace vnpu::firmware::test
