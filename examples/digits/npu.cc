#include "examples/digits/npu.h"

#include <stdexcept>
#include <string>

namespace digits {

void Check(aclError code, const char* call) {
  if (code == ACL_SUCCESS) return;
  std::string text = std::string(call) + " failed with error " + std::to_string(code);
  const char* detail = aclGetRecentErrMsg();
  if (detail != nullptr && *detail != '\0') text.append(": ").append(detail);
  throw std::runtime_error(text);
}

Npu::Npu(int32_t device) : device_(device) {
  Check(aclInit(nullptr), "aclInit");
  try {
    Check(aclrtSetDevice(device), "aclrtSetDevice");
  } catch (...) {
    aclFinalize();
    throw;
  }
}

Npu::~Npu() {
  aclrtResetDevice(device_);
  aclFinalize();
}

Stream MakeStream() {
  aclrtStream stream = nullptr;
  Check(aclrtCreateStream(&stream), "aclrtCreateStream");
  return Stream(stream);
}

Event MakeEvent(uint32_t flags) {
  aclrtEvent event = nullptr;
  Check(aclrtCreateEventExWithFlag(&event, flags), "aclrtCreateEventExWithFlag");
  return Event(event);
}

}  // namespace digits
