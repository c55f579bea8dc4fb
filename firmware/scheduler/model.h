// Models (uapi/vnpu/model.h): what the device keeps of one, and of its run that is under way.
//
// Each stream of a run is a resident queue: an Rtsq whose entries lie in the image and that has
// neither header nor completion entries. It is in the scheduler's lists like any other queue.
#ifndef VNPU_FIRMWARE_SCHEDULER_MODEL_H_
#define VNPU_FIRMWARE_SCHEDULER_MODEL_H_

#include <vnpu/model.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "firmware/scheduler/rtsq.h"

namespace vnpu::firmware {

// What an image of the model may have at most.
struct ModelLimits {
  uint32_t streams = 0;
  uint32_t graphs = 0;
  uint32_t registers = 0;
};

struct ModelRegister {
  Rtsq* waiters = nullptr;  // list through Rtsq::next
  bool is_set = false;
};

struct ModelGraph {
  uint32_t first_stream = 0;
  uint32_t streams = 0;
  uint32_t first_register = 0;
  uint32_t registers = 0;
  uint32_t active = 0;     // streams that have started and are not over
  bool runs = false;       // has started and is not over
  Rtsq* parent = nullptr;  // the stream whose condition runs it; nullptr: graph 0
};

struct Model {
  Model(uint32_t model_id, std::span<std::byte> shared, const ModelLimits& most)
      : id(model_id),
        memory(shared),
        limits(most),
        queues(std::make_unique<Rtsq[]>(most.streams)),
        graphs(std::make_unique<ModelGraph[]>(most.graphs)),
        registers(std::make_unique<ModelRegister[]>(most.registers)) {}

  const uint32_t id;
  const std::span<std::byte> memory;  // shared with the client; nothing in it is trusted
  const ModelLimits limits;
  const std::unique_ptr<Rtsq[]> queues;  // by number of the stream
  const std::unique_ptr<ModelGraph[]> graphs;
  const std::unique_ptr<ModelRegister[]> registers;

  // Queues that wait for their turn, through Rtsq::next.
  Rtsq* first_pending = nullptr;
  Rtsq* last_pending = nullptr;
  bool starting = false;  // StartPending() is at work

  // The run that is under way.
  Rtsq* caller = nullptr;  // whose entry started it; nullptr: no run
  vnpu_model_image* image = nullptr;
  const vnpu_model_label* labels = nullptr;
  uint32_t stream_count = 0;
  uint32_t graph_count = 0;
  uint32_t label_count = 0;
  uint32_t priorities = 0;  // bit p: a stream has priority p
  uint32_t active = 0;      // streams that have started and are not over, of all graphs
  uint32_t moving = 0;      // those among them that do not wait for other streams
  bool stopping = false;
  uint32_t status = VNPU_OK;  // how the caller's entry is going to end
  uint64_t exception = 0;     // record of the entry that failed; 0: none

  // The client's queue whose entry the run is part of, through the models around this one.
  const Rtsq& outermost_caller() const {
    return caller->model == nullptr ? *caller : caller->model->outermost_caller();
  }
  uint64_t image_offset() const {
    return static_cast<uint64_t>(reinterpret_cast<const std::byte*>(image) - memory.data());
  }
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_SCHEDULER_MODEL_H_
