// Four processes on two devices that share memory, notifies and events, as the test sees them.
#ifndef VNPU_TESTS_PROCESSES_GROUP_H_
#define VNPU_TESTS_PROCESSES_GROUP_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "tests/acl/peer_process.h"
#include "tests/processes/layout.h"

namespace vnpu::test {

class Group {
 public:
  // Members 0 and 1 are on device 0, the others on device 1. Failures are those of the test.
  Group();

  static int DeviceOf(int member) { return member / 2; }

  // Tells the member something: its answer.
  std::string Ask(int member, const std::string& command);
  // The same, where the answer is to be success. Nothing, if the member was killed.
  void Do(int member, const std::string& command);

  // SIGKILL, unless it was. The others still have what it shared.
  void Kill(int member);
  // The same, after so many commands to any member.
  void KillAfter(int commands, int member);
  // Lets the others forget what the killed member shared, and puts a new process in its place.
  void Replace(int member);
  // All end by themselves, with good status.
  void End();

 private:
  void Start(int member);
  void Introduce(int owner, int user);

  std::array<std::unique_ptr<PeerProcess>, kMembers> members_;
  std::array<std::string, kMembers> keys_;
  std::array<std::string, kMembers> pids_;
  int victim_ = -1;
  int commands_left_ = 0;  // before it is killed
};

}  // namespace vnpu::test

#endif  // VNPU_TESTS_PROCESSES_GROUP_H_
