// Models: what the driver sets up, and images: what is checked before a run.
#include "firmware/scheduler/model.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "firmware/scheduler/scheduler.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {
namespace {

bool Inside(uint64_t offset, uint64_t size, uint64_t whole) {
  return offset <= whole && size <= whole - offset;
}

// Whether the counts of a header are within their limits, and all that they stand for within the
// model's memory.
bool HeaderIsSound(const vnpu_model_image& header, uint64_t offset, const Model& model) {
  return header.version == VNPU_MODEL_IMAGE_VERSION && header.flags == 0 &&
         AllZero(header.reserved) && header.graphs >= 1 && header.graphs <= model.limits.graphs &&
         header.streams <= model.limits.streams && header.registers <= model.limits.registers &&
         header.labels <= VNPU_MAX_MODEL_LABELS && header.entries <= VNPU_MAX_MODEL_ENTRIES &&
         header.arg_bytes % 8 == 0 &&
         Inside(offset, vnpu_model_image_bytes(&header), model.memory.size());
}

// Copies the table of graphs; each must begin where the one before it ends.
bool ReadGraphs(const vnpu_model_image& header, const vnpu_model_graph* table, Model* model) {
  uint32_t streams = 0;
  uint32_t registers = 0;
  for (uint32_t i = 0; i < header.graphs; ++i) {
    vnpu_model_graph graph;
    std::memcpy(&graph, &table[i], sizeof(graph));
    if (graph.first_stream != streams || graph.streams > header.streams - streams ||
        graph.first_register != registers || graph.registers > header.registers - registers) {
      return false;
    }
    streams += graph.streams;
    registers += graph.registers;
    model->graphs[i] = {.first_stream = graph.first_stream,
                        .streams = graph.streams,
                        .first_register = graph.first_register,
                        .registers = graph.registers};
  }
  return streams == header.streams && registers == header.registers;
}

bool StreamIsSound(const vnpu_model_stream& stream, const vnpu_model_image& header) {
  return Inside(stream.first_entry, stream.entries, header.entries) &&
         (stream.flags & ~VNPU_MODEL_STREAM_FLAGS_ALL) == 0 && stream.priority < VNPU_PRIORITIES &&
         (stream.reserved[0] | stream.reserved[1] | stream.reserved[2]) == 0;
}

// Makes the resident queues of one graph.
bool ReadStreams(const vnpu_model_image& header, uint32_t index, std::byte* base, Model* model) {
  ModelGraph& graph = model->graphs[index];
  const auto* table =
      reinterpret_cast<const vnpu_model_stream*>(base + vnpu_model_streams_offset(&header));
  auto* entries = reinterpret_cast<vnpu_sqe*>(base + vnpu_model_entries_offset(&header));
  for (uint32_t i = graph.first_stream; i < graph.first_stream + graph.streams; ++i) {
    vnpu_model_stream stream;
    std::memcpy(&stream, &table[i], sizeof(stream));
    if (!StreamIsSound(stream, header) || stream.graph != index) {
      return false;
    }
    Rtsq& queue = model->queues[i];
    queue.mem.sq = entries + stream.first_entry;
    // A queue finds its entries by a mask. Its head stays below the end.
    queue.mem.entries = std::bit_ceil(uint64_t{stream.entries});
    queue.mem.args = base + vnpu_model_args_offset(&header);
    queue.mem.arg_bytes = header.arg_bytes;
    queue.seen_tail = stream.entries;
    queue.state = QueueState::kQuiet;
    queue.priority = stream.priority;
    queue.graph = &graph;
    queue.starts = (stream.flags & VNPU_MODEL_STARTS) != 0;
    queue.restart_at = Rtsq::kNoRestart;
    model->priorities |= 1u << stream.priority;
  }
  return true;
}

}  // namespace

int Scheduler::CreateModel(uint32_t id, std::span<std::byte> memory, const ModelLimits& limits) {
  if (id == 0 || id >= models_.size() || limits.streams > VNPU_MAX_MODEL_STREAMS ||
      limits.graphs > VNPU_MAX_MODEL_GRAPHS || limits.registers > VNPU_MAX_MODEL_REGISTERS) {
    return -EINVAL;
  }
  if (models_[id] != nullptr) {
    return -EEXIST;
  }
  auto model = std::make_unique<Model>(id, memory, limits);
  for (uint32_t i = 0; i < limits.streams; ++i) {
    model->queues[i].model = model.get();
    model->queues[i].entry_id = i;
  }
  // So that nothing is allocated while tasks run.
  resident_queues_ += limits.streams;
  timed_.reserve(VNPU_MAX_QUEUES + resident_queues_);
  watched_.reserve(VNPU_MAX_QUEUES + resident_queues_);
  models_[id] = std::move(model);
  return 0;
}

int Scheduler::DestroyModel(uint32_t id) {
  Model* model = FindModel(id);
  if (model == nullptr) {
    return -ENOENT;
  }
  if (model->caller != nullptr || model->first_pending != nullptr) {
    return -EBUSY;
  }
  resident_queues_ -= model->limits.streams;
  models_[id].reset();
  return 0;
}

int Scheduler::AbortModel(uint32_t id) {
  Model* model = FindModel(id);
  if (model == nullptr) {
    return -ENOENT;
  }
  while (model->first_pending != nullptr) {
    EndExecute(model->first_pending, VNPU_E_ABORTED);
  }
  if (model->caller != nullptr) {
    StopRun(model, VNPU_E_ABORTED);
  }
  Announce();
  return 0;
}

Model* Scheduler::FindModel(uint32_t id) const {
  return id < models_.size() ? models_[id].get() : nullptr;
}

// The header of the image that an entry names; nullptr: there can be none.
vnpu_model_image* Scheduler::ImageOf(const Model& model, const vnpu_sqe_execute& execute) {
  const bool sound = execute.image % VNPU_MODEL_ALIGN == 0 &&
                     Inside(execute.image, sizeof(vnpu_model_image), model.memory.size());
  return sound ? reinterpret_cast<vnpu_model_image*>(model.memory.data() + execute.image) : nullptr;
}

bool Scheduler::ReadImage(Model* model, uint64_t offset) {
  std::byte* base = model->memory.data() + offset;
  vnpu_model_image header;
  std::memcpy(&header, base, sizeof(header));
  if (!HeaderIsSound(header, offset, *model) ||
      !ReadGraphs(header,
                  reinterpret_cast<const vnpu_model_graph*>(base + vnpu_model_graphs_offset()),
                  model)) {
    return false;
  }
  model->priorities = 0;
  for (uint32_t i = 0; i < header.graphs; ++i) {
    if (!ReadStreams(header, i, base, model)) {
      return false;
    }
  }
  model->image = reinterpret_cast<vnpu_model_image*>(base);
  model->labels =
      reinterpret_cast<const vnpu_model_label*>(base + vnpu_model_labels_offset(&header));
  model->stream_count = header.streams;
  model->graph_count = header.graphs;
  model->label_count = header.labels;
  return true;
}

// Copies from a queue's argument area into a model, whatever runs.
bool Scheduler::UpdateModel(const Rtsq& queue, const Model& model, const vnpu_sqe_update& update) {
  const bool sound =
      update.size != 0 && update.size % 8 == 0 && update.size <= VNPU_MAX_UPDATE_BYTES &&
      update.offset % 8 == 0 && Inside(update.offset, update.size, model.memory.size()) &&
      update.arg_offset % 8 == 0 && Inside(update.arg_offset, update.size, queue.mem.arg_bytes);
  if (!sound) {
    return false;
  }
  // Word by word, so that no half of an address is ever seen.
  auto* to = reinterpret_cast<uint64_t*>(model.memory.data() + update.offset);
  const auto* from = reinterpret_cast<const uint64_t*>(queue.mem.args + update.arg_offset);
  for (uint32_t i = 0; i < update.size / 8; ++i) {
    StoreShared(to[i], LoadShared(from[i]));
  }
  return true;
}

}  // namespace vnpu::firmware
