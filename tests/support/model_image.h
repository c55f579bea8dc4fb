// Lays out images of models, for tests below the runtime, and makes the entries that they have.
#ifndef VNPU_TESTS_SUPPORT_MODEL_IMAGE_H_
#define VNPU_TESTS_SUPPORT_MODEL_IMAGE_H_

#include <vnpu/model.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "tests/support/sqe.h"

namespace vnpu::test {

// Graph 0 is there from the start; streams are added graph by graph.
class ModelImage {
 public:
  explicit ModelImage(uint32_t registers = 0) { graphs_[0].registers = registers; }

  uint32_t AddGraph(uint32_t registers = 0) {
    const vnpu_model_graph& last = graphs_.back();
    graphs_.push_back({.first_stream = static_cast<uint32_t>(streams_.size()),
                       .streams = 0,
                       .first_register = last.first_register + last.registers,
                       .registers = registers});
    return static_cast<uint32_t>(graphs_.size() - 1);
  }
  // In the graph that was added last.
  uint32_t AddStream(uint32_t flags = VNPU_MODEL_STARTS, uint32_t priority = 3) {
    ++graphs_.back().streams;
    streams_.push_back({.graph = static_cast<uint32_t>(graphs_.size() - 1),
                        .flags = flags,
                        .priority = priority,
                        .entries = {}});
    return static_cast<uint32_t>(streams_.size() - 1);
  }
  uint32_t AddStream(std::initializer_list<vnpu_sqe> entries, uint32_t flags = VNPU_MODEL_STARTS) {
    const uint32_t stream = AddStream(flags);
    for (const vnpu_sqe& entry : entries) {
      Add(stream, entry);
    }
    return stream;
  }
  // The entry's position.
  uint32_t Add(uint32_t stream, vnpu_sqe entry) {
    std::vector<vnpu_sqe>& entries = streams_[stream].entries;
    entry.queue_id = stream;
    entry.seq = static_cast<uint32_t>(entries.size());
    entries.push_back(entry);
    return entry.seq;
  }
  void AddLabel(uint32_t stream, uint32_t position) { labels_.push_back({stream, position}); }
  void SetArgs(std::vector<uint64_t> args) { args_ = std::move(args); }

  uint32_t streams() const { return static_cast<uint32_t>(streams_.size()); }

  vnpu_model_image Header() const {
    vnpu_model_image header{};
    header.version = VNPU_MODEL_IMAGE_VERSION;
    header.graphs = static_cast<uint32_t>(graphs_.size());
    header.streams = streams();
    header.registers = graphs_.back().first_register + graphs_.back().registers;
    header.labels = static_cast<uint32_t>(labels_.size());
    for (const Stream& stream : streams_) {
      header.entries += static_cast<uint32_t>(stream.entries.size());
    }
    header.arg_bytes = static_cast<uint32_t>(args_.size() * sizeof(uint64_t));
    return header;
  }
  uint64_t bytes() const {
    const vnpu_model_image header = Header();
    return vnpu_model_image_bytes(&header);
  }
  uint64_t EntriesOffset() const {
    const vnpu_model_image header = Header();
    return vnpu_model_entries_offset(&header);
  }
  uint64_t ArgsOffset() const {
    const vnpu_model_image header = Header();
    return vnpu_model_args_offset(&header);
  }
  // bytes() of zeros or an older image.
  void Write(std::byte* to) const {
    const vnpu_model_image header = Header();
    std::memcpy(to, &header, sizeof(header));
    Put(to + vnpu_model_graphs_offset(), graphs_);
    Put(to + vnpu_model_labels_offset(&header), labels_);
    auto* streams = to + vnpu_model_streams_offset(&header);
    auto* entries = to + vnpu_model_entries_offset(&header);
    uint32_t first = 0;
    for (const Stream& stream : streams_) {
      vnpu_model_stream entry{};
      entry.first_entry = first;
      entry.entries = static_cast<uint32_t>(stream.entries.size());
      entry.graph = stream.graph;
      entry.flags = stream.flags;
      entry.priority = stream.priority;
      std::memcpy(streams, &entry, sizeof(entry));
      streams += sizeof(entry);
      Put(entries + first * sizeof(vnpu_sqe), stream.entries);
      first += entry.entries;
    }
    Put(to + vnpu_model_args_offset(&header), args_);
  }

 private:
  struct Stream {
    uint32_t graph;
    uint32_t flags;
    uint32_t priority;
    std::vector<vnpu_sqe> entries;
  };

  template <typename T>
  static void Put(std::byte* to, const std::vector<T>& items) {
    if (!items.empty()) {
      std::memcpy(to, items.data(), items.size() * sizeof(T));
    }
  }

  std::vector<vnpu_model_graph> graphs_{1};
  std::vector<vnpu_model_label> labels_;
  std::vector<Stream> streams_;
  std::vector<uint64_t> args_;
};

inline vnpu_sqe Execute(uint32_t model_id, uint64_t image = 0) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_MODEL_EXECUTE);
  sqe.execute.model_id = model_id;
  sqe.execute.image = image;
  return sqe;
}
inline vnpu_sqe Update(uint32_t model_id, uint64_t offset, uint32_t size, uint32_t arg_offset = 0) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_MODEL_UPDATE);
  sqe.update.model_id = model_id;
  sqe.update.offset = offset;
  sqe.update.size = size;
  sqe.update.arg_offset = arg_offset;
  return sqe;
}
inline vnpu_sqe SetRegister(uint32_t reg) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_MODEL_SIGNAL);
  sqe.reg.reg = reg;
  return sqe;
}
inline vnpu_sqe AwaitRegister(uint32_t reg) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_MODEL_AWAIT);
  sqe.reg.reg = reg;
  return sqe;
}
inline vnpu_sqe Condition(uint32_t kind, uint64_t va, uint32_t first_graph, uint32_t graphs = 1) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_MODEL_COND);
  sqe.cond.kind = kind;
  sqe.cond.va = va;
  sqe.cond.first_graph = first_graph;
  sqe.cond.graphs = graphs;
  return sqe;
}
inline vnpu_sqe Goto(uint64_t va, uint32_t first_label, uint32_t labels) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_MODEL_GOTO);
  sqe.jump.va = va;
  sqe.jump.first_label = first_label;
  sqe.jump.labels = labels;
  return sqe;
}
inline vnpu_sqe Activate(uint32_t stream) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_MODEL_ACTIVATE);
  sqe.activate.stream = stream;
  return sqe;
}
inline vnpu_sqe Switch(uint64_t left, uint32_t compare, uint64_t right, uint32_t stream,
                       uint32_t width = 8) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_MODEL_SWITCH);
  sqe.choice.left = left;
  sqe.choice.right = right;
  sqe.choice.compare = compare;
  sqe.choice.width = width;
  sqe.choice.stream = stream;
  return sqe;
}
inline vnpu_sqe StoreWord(uint64_t va, uint64_t value) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_MODEL_STORE);
  sqe.store.va = va;
  sqe.store.value = value;
  return sqe;
}

}  // namespace vnpu::test

#endif  // VNPU_TESTS_SUPPORT_MODEL_IMAGE_H_
