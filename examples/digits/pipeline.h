// The network on the device, as a pipeline of two streams.
//
//   front   copy in -> unpack_pixels -> dense_relu        the pixels and the first hidden layer
//                                           |  ^
//                                produced   v  |  consumed
//   back                               dense_relu -> dense -> softmax_argmax -> copy out
//
// Batches alternate between two slots of device memory, so the front works on one batch while the
// back works on the one before. Events hand the first hidden layer over and its slot back.
#ifndef EXAMPLES_DIGITS_PIPELINE_H_
#define EXAMPLES_DIGITS_PIPELINE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "examples/digits/answer.h"
#include "examples/digits/dataset.h"
#include "examples/digits/kernels.h"
#include "examples/digits/network.h"
#include "examples/digits/npu.h"

namespace digits {

struct PipelineOptions {
  uint32_t batch = 0;   // images, at least 1
  uint32_t blocks = 0;  // of each kernel, at least 1
};

// Tasks appended to the streams.
struct TaskCount {
  uint64_t kernels = 0;
  uint64_t copies = 0;
  uint64_t event_records = 0;
  uint64_t event_waits = 0;
  uint64_t models = 0;

  uint64_t total() const { return kernels + copies + event_records + event_waits + models; }
};

// Needs a current device for as long as it lives. Not thread safe. Its methods throw
// std::runtime_error when the device reports an error.
class Pipeline {
 public:
  // Copies the network to the device and the images to pinned memory. Throws
  // std::invalid_argument unless the network has three layers.
  Pipeline(const Network& network, const Dataset& dataset, const PipelineOptions& options);

  // kReplay: the model of CaptureEpoch() is one task for the host; the device takes all others from
  // it.
  enum class Way { kLaunch, kReplay };

  // Classifies every image once and waits for the answers. Returns the time that it took on the
  // device, in milliseconds.
  double RunEpoch(Way way);

  // Captures the tasks of an epoch in a model.
  void CaptureEpoch();

  // Of the last epoch, in the order of the images.
  std::span<const Answer> answers() const { return {answers_.get(), images_}; }
  const TaskCount& tasks() const { return tasks_; }

 private:
  static constexpr size_t kLayers = 3;

  // One batch in flight.
  struct Slot {
    DeviceArray<uint8_t> pixels;
    DeviceArray<float> x;
    DeviceArray<float> hidden;
    Event produced;  // hidden is complete
    Event consumed;  // hidden may be overwritten
  };

  // A layer's parameters in device memory.
  struct Parameters {
    DeviceArray<float> weights;
    DeviceArray<float> bias;
    DeviceLayer layer;
  };

  static Parameters CopyToDevice(const Layer& layer);
  Slot MakeSlot() const;
  void EnqueueEpoch();
  void EnqueueFront(const Slot& slot, size_t first, uint32_t count);
  void EnqueueBack(const Slot& slot, size_t first, uint32_t count);
  void EnqueueCopy(void* to, const void* from, size_t bytes, aclrtMemcpyKind kind,
                   aclrtStream stream);
  void EnqueueKernel(aclError code, const char* launch);
  void EnqueueRecord(const Event& event, const Stream& stream);
  void EnqueueWait(const Stream& stream, const Event& event);

  PipelineOptions options_;
  size_t images_;
  TaskCount tasks_;
  PinnedArray<uint8_t> pixels_;
  PinnedArray<Answer> answers_;
  std::array<Parameters, kLayers> parameters_;
  std::array<Slot, 2> slots_;
  // Only the back stream uses these, one batch after the other.
  DeviceArray<float> hidden_;
  DeviceArray<float> logits_;
  DeviceArray<Answer> device_answers_;
  Event epoch_start_;
  Event epoch_end_;
  Event fork_;  // of a capture: the front comes in,
  Event join_;  // and goes back
  // Last, so that they go first: their destruction waits for tasks that use the memory above.
  Stream front_;
  Stream back_;
  Model epoch_;  // null: the host appends the tasks of each epoch
};

}  // namespace digits

#endif  // EXAMPLES_DIGITS_PIPELINE_H_
