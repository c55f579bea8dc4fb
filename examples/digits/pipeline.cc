#include "examples/digits/pipeline.h"

#include <algorithm>
#include <stdexcept>

namespace digits {

Pipeline::Pipeline(const Network& network, const Dataset& dataset, const PipelineOptions& options)
    : options_(options), images_(dataset.size()) {
  if (network.layers.size() != kLayers) {
    throw std::invalid_argument("the pipeline needs a network of three layers");
  }
  pixels_ = MakePinnedArray<uint8_t>(dataset.pixels.size());
  std::copy(dataset.pixels.begin(), dataset.pixels.end(), pixels_.get());
  answers_ = MakePinnedArray<Answer>(images_);

  std::transform(network.layers.begin(), network.layers.end(), parameters_.begin(), CopyToDevice);
  for (Slot& slot : slots_) slot = MakeSlot();
  hidden_ = MakeDeviceArray<float>(size_t{options.batch} * network.layers[1].outputs);
  logits_ = MakeDeviceArray<float>(size_t{options.batch} * network.layers[2].outputs);
  device_answers_ = MakeDeviceArray<Answer>(options.batch);
  epoch_start_ = MakeEvent(ACL_EVENT_TIME_LINE);
  epoch_end_ = MakeEvent(ACL_EVENT_TIME_LINE);
  fork_ = MakeEvent(ACL_EVENT_SYNC);
  join_ = MakeEvent(ACL_EVENT_SYNC);
  front_ = MakeStream();
  back_ = MakeStream();
}

double Pipeline::RunEpoch(Way way) {
  // An answer that does not arrive must not pass for one of the epoch before.
  std::fill_n(answers_.get(), images_, Answer{-1, 0});

  EnqueueRecord(epoch_start_, back_);
  if (way == Way::kReplay) {
    Check(aclmdlRIExecuteAsync(epoch_.get(), back_.get()), "aclmdlRIExecuteAsync");
    ++tasks_.models;
  } else {
    EnqueueEpoch();
  }
  EnqueueRecord(epoch_end_, back_);

  Check(aclrtSynchronizeStream(front_.get()), "aclrtSynchronizeStream");
  Check(aclrtSynchronizeStream(back_.get()), "aclrtSynchronizeStream");
  float milliseconds = 0;
  Check(aclrtEventElapsedTime(&milliseconds, epoch_start_.get(), epoch_end_.get()),
        "aclrtEventElapsedTime");
  return milliseconds;
}

void Pipeline::CaptureEpoch() {
  Check(aclmdlRICaptureBegin(back_.get(), ACL_MODEL_RI_CAPTURE_MODE_GLOBAL),
        "aclmdlRICaptureBegin");
  // A stream that waits for a captured event is captured with it, and has to come back.
  EnqueueRecord(fork_, back_);
  EnqueueWait(front_, fork_);
  EnqueueEpoch();
  EnqueueRecord(join_, front_);
  EnqueueWait(back_, join_);
  aclmdlRI model = nullptr;
  Check(aclmdlRICaptureEnd(back_.get(), &model), "aclmdlRICaptureEnd");
  epoch_ = Model(model);
}

void Pipeline::EnqueueEpoch() {
  size_t batch = 0;
  for (size_t first = 0; first < images_; first += options_.batch, ++batch) {
    const auto count = static_cast<uint32_t>(std::min<size_t>(options_.batch, images_ - first));
    const Slot& slot = slots_[batch % slots_.size()];
    if (batch >= slots_.size()) EnqueueWait(front_, slot.consumed);
    EnqueueFront(slot, first, count);
    EnqueueBack(slot, first, count);
  }
}

void Pipeline::EnqueueFront(const Slot& slot, size_t first, uint32_t count) {
  const Launch launch{options_.blocks, front_.get()};
  EnqueueCopy(slot.pixels.get(), &pixels_[first * kPixels], count * kPixels,
              ACL_MEMCPY_HOST_TO_DEVICE, front_.get());
  EnqueueKernel(LaunchUnpackPixels(launch, slot.pixels.get(), slot.x.get(),
                                   static_cast<uint32_t>(count * kPixels), 1.0F / kPixelMax),
                "launch of unpack_pixels");
  EnqueueKernel(
      LaunchDenseRelu(launch, slot.x.get(), parameters_[0].layer, slot.hidden.get(), count),
      "launch of dense_relu");
  EnqueueRecord(slot.produced, front_);
}

void Pipeline::EnqueueBack(const Slot& slot, size_t first, uint32_t count) {
  const Launch launch{options_.blocks, back_.get()};
  EnqueueWait(back_, slot.produced);
  EnqueueKernel(
      LaunchDenseRelu(launch, slot.hidden.get(), parameters_[1].layer, hidden_.get(), count),
      "launch of dense_relu");
  EnqueueRecord(slot.consumed, back_);
  EnqueueKernel(LaunchDense(launch, hidden_.get(), parameters_[2].layer, logits_.get(), count),
                "launch of dense");
  EnqueueKernel(LaunchSoftmaxArgmax(launch, logits_.get(), device_answers_.get(), count, kClasses),
                "launch of softmax_argmax");
  EnqueueCopy(&answers_[first], device_answers_.get(), count * sizeof(Answer),
              ACL_MEMCPY_DEVICE_TO_HOST, back_.get());
}

Pipeline::Parameters Pipeline::CopyToDevice(const Layer& layer) {
  Parameters result;
  const size_t weight_bytes = layer.weights.size() * sizeof(float);
  const size_t bias_bytes = layer.bias.size() * sizeof(float);
  result.weights = MakeDeviceArray<float>(layer.weights.size());
  result.bias = MakeDeviceArray<float>(layer.bias.size());
  Check(aclrtMemcpy(result.weights.get(), weight_bytes, layer.weights.data(), weight_bytes,
                    ACL_MEMCPY_HOST_TO_DEVICE),
        "aclrtMemcpy");
  Check(aclrtMemcpy(result.bias.get(), bias_bytes, layer.bias.data(), bias_bytes,
                    ACL_MEMCPY_HOST_TO_DEVICE),
        "aclrtMemcpy");
  result.layer = {result.weights.get(), result.bias.get(), layer.inputs, layer.outputs};
  return result;
}

Pipeline::Slot Pipeline::MakeSlot() const {
  Slot slot;
  slot.pixels = MakeDeviceArray<uint8_t>(options_.batch * kPixels);
  slot.x = MakeDeviceArray<float>(options_.batch * kPixels);
  slot.hidden = MakeDeviceArray<float>(size_t{options_.batch} * parameters_[0].layer.outputs);
  slot.produced = MakeEvent(ACL_EVENT_SYNC);
  slot.consumed = MakeEvent(ACL_EVENT_SYNC);
  return slot;
}

void Pipeline::EnqueueCopy(void* to, const void* from, size_t bytes, aclrtMemcpyKind kind,
                           aclrtStream stream) {
  Check(aclrtMemcpyAsync(to, bytes, from, bytes, kind, stream), "aclrtMemcpyAsync");
  ++tasks_.copies;
}

void Pipeline::EnqueueKernel(aclError code, const char* launch) {
  Check(code, launch);
  ++tasks_.kernels;
}

void Pipeline::EnqueueRecord(const Event& event, const Stream& stream) {
  Check(aclrtRecordEvent(event.get(), stream.get()), "aclrtRecordEvent");
  ++tasks_.event_records;
}

void Pipeline::EnqueueWait(const Stream& stream, const Event& event) {
  Check(aclrtStreamWaitEvent(stream.get(), event.get()), "aclrtStreamWaitEvent");
  ++tasks_.event_waits;
}

}  // namespace digits
