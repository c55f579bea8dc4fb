#include <algorithm>
#include <map>
#include <vector>

#include "libruntime/src/graph/compile.h"

namespace vnpu::runtime {

// A record or a wait, in the order of submission.
struct Dependencies::Step {
  uint32_t id;
  uint32_t stream;
  uint32_t node;
  const GraphWait* wait;  // null: a record
};

namespace {

uint32_t Find(const std::map<uint32_t, uint32_t>& registers, uint32_t node) {
  const auto found = registers.find(node);
  return found != registers.end() ? found->second : Dependencies::kNone;
}

}  // namespace

Dependencies::Dependencies(const Model& model)
    : record_registers_(model.streams.size()), wait_registers_(model.streams.size()) {
  // Jumps make what was waited for once unknown.
  Walk(model, /*straight=*/!model.jumps);
}

uint32_t Dependencies::RecordRegister(uint32_t stream, uint32_t node) const {
  return Find(record_registers_[stream], node);
}

uint32_t Dependencies::WaitRegister(uint32_t stream, uint32_t node) const {
  return Find(wait_registers_[stream], node);
}

// Each stream carries how many nodes of every other one are known to be done where it is: a wait
// whose record is among them is not needed, and one that is brings what the record's stream knew.
void Dependencies::Walk(const Model& model, bool straight) {
  const size_t count = model.streams.size();
  std::vector<Step> steps;
  std::vector<std::map<uint32_t, Clock>> known_at_record(count);
  for (uint32_t s = 0; s < count; ++s) {
    const GraphStream& graph = *model.streams[s];
    for (const GraphWait& wait : graph.waits) {
      if (wait.from != nullptr) {
        steps.push_back({graph.node(wait.node).id, s, wait.node, &wait});
        const uint32_t from = wait.from->number;
        if (known_at_record[from].try_emplace(wait.record).second) {
          steps.push_back({wait.from->node(wait.record).id, from, wait.record, nullptr});
        }
      }
    }
  }
  std::ranges::sort(steps, {}, &Step::id);
  constexpr size_t kMostKept = 16u << 20;  // numbers; beyond, streams tell only of themselves
  const bool transitive = straight && steps.size() * count <= kMostKept;
  std::vector<Clock> known(count, Clock(count, 0));
  for (const Step& step : steps) {
    Clock& mine = known[step.stream];
    if (step.wait == nullptr) {
      if (transitive) {
        known_at_record[step.stream][step.node] = mine;
      }
      continue;
    }
    const uint32_t from = step.wait->from->number;
    if (from == step.stream || (straight && mine[from] > step.wait->record)) {
      continue;
    }
    const auto [place, fresh] = record_registers_[from].try_emplace(step.wait->record, registers_);
    registers_ += fresh ? 1 : 0;
    wait_registers_[step.stream][step.node] = place->second;
    const Clock& theirs = known_at_record[from][step.wait->record];
    for (size_t i = 0; i < theirs.size(); ++i) {
      mine[i] = std::max(mine[i], theirs[i]);
    }
    mine[from] = std::max(mine[from], step.wait->record + 1);
  }
}

}  // namespace vnpu::runtime
