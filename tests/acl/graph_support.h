// What the tests of models share.
#ifndef VNPU_TESTS_ACL_GRAPH_SUPPORT_H_
#define VNPU_TESTS_ACL_GRAPH_SUPPORT_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/acl/support.h"

namespace vnpu::test {

// The manual's ACL_MODEL_STREAM_FLAG_HEAD and _DEFAULT, which the interface's headers lack.
inline constexpr uint32_t kHeadStream = 0;
inline constexpr uint32_t kOtherStream = 0x7fffffff;

inline constexpr auto kGlobal = ACL_MODEL_RI_CAPTURE_MODE_GLOBAL;
inline constexpr auto kThreadLocal = ACL_MODEL_RI_CAPTURE_MODE_THREAD_LOCAL;
inline constexpr auto kRelaxed = ACL_MODEL_RI_CAPTURE_MODE_RELAXED;

class GraphTest : public KernelTest {
 protected:
  void SetUp() override;
  // Ends what a test left open.
  void TearDown() override;

  aclmdlRICaptureStatus CaptureStatus(aclrtStream stream);
  // Begins to capture stream_.
  aclmdlRI BeginCapture(aclmdlRICaptureMode mode);
  // Ends the capture of the stream.
  aclmdlRI EndCapture(aclrtStream stream);
  // Executes in stream_ and waits.
  aclError Run(aclmdlRI model);

  static aclrtEvent MakeEvent();
  aclrtStream MakePersistent();

  static std::vector<aclrtStream> Streams(aclmdlRI model);
  static std::vector<aclmdlRITask> Tasks(aclrtStream stream);
  static aclmdlRITaskType Type(aclmdlRITask task);
  // The kernels of a model's first stream.
  static std::vector<aclmdlRITask> Kernels(aclmdlRI model);

  aclError Increment(int* counter, aclrtStream stream) {
    return Launch("increment", 1, counter, stream);
  }
  // *value = *value * factor + term.
  aclError Affine(int64_t* value, int64_t factor, int64_t term, aclrtStream stream);

  aclrtStream other_ = nullptr;
  std::unique_ptr<DeviceArray<int64_t>> value_;  // zeros
};

}  // namespace vnpu::test

#endif  // VNPU_TESTS_ACL_GRAPH_SUPPORT_H_
