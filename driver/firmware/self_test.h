// The self-test of a firmware plug-in, in a device process that does nothing else.
#ifndef VNPU_DRIVER_FIRMWARE_SELF_TEST_H_
#define VNPU_DRIVER_FIRMWARE_SELF_TEST_H_

#include <cstdint>
#include <string>

namespace vnpu::driver {

struct SelfTest {
  std::string program;  // path of vnpu-device
  uint32_t limit_ms = 2000;
};

// Runs the self-test of the plug-in that descriptor `plugin` is open on, without privileges, and
// waits for it. "": passed; otherwise why it may not be used.
std::string RunSelfTest(const SelfTest& test, int plugin);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_FIRMWARE_SELF_TEST_H_
