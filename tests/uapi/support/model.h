// A model of a session, with its memory.
#ifndef VNPU_TESTS_UAPI_SUPPORT_MODEL_H_
#define VNPU_TESTS_UAPI_SUPPORT_MODEL_H_

#include <vnpu/ioctl.h>

#include <atomic>
#include <cstdint>

#include "tests/support/model_image.h"
#include "tests/uapi/support/session.h"
#include "tests/uapi/support/system.h"

namespace vnpu::raw {

// Lasts until the session ends, or until somebody destroys it by its id.
class RawModel {
 public:
  static constexpr uint64_t kBytes = 1u << 20;

  // Throws std::system_error.
  explicit RawModel(Session* session, uint64_t bytes = kBytes) {
    const UniqueFd fd = MakeSealedMemfd(bytes);
    memory_ = Mapping::Map(fd.get(), bytes);
    vnpu_ioc_model_create arg{};
    arg.size = bytes;
    arg.fd = fd.get();
    arg.max_streams = 64;
    arg.max_graphs = 16;
    arg.max_registers = 4096;
    session->Must(VNPU_IOC_MODEL_CREATE, &arg, "VNPU_IOC_MODEL_CREATE");
    id_ = arg.model_id;
  }
  RawModel(Session* session, const test::ModelImage& image) : RawModel(session) {
    image.Write(memory());
  }

  uint32_t id() const { return id_; }
  std::byte* memory() const { return memory_.data(); }
  uint64_t Completed(uint64_t image = 0) const {
    auto& header = *reinterpret_cast<vnpu_model_image*>(memory() + image);
    return std::atomic_ref(header.completed).load();
  }

 private:
  Mapping memory_;
  uint32_t id_ = 0;
};

}  // namespace vnpu::raw

#endif  // VNPU_TESTS_UAPI_SUPPORT_MODEL_H_
