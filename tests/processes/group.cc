#include "tests/processes/group.h"

#include "acl/acl_rt.h"

namespace vnpu::test {

Group::Group() {
  for (int member = 0; member < kMembers; ++member) {
    Start(member);
  }
  for (int owner = 0; owner < kMembers; ++owner) {
    for (int user = 0; user < kMembers; ++user) {
      if (user != owner) {
        Introduce(owner, user);
      }
    }
  }
}

std::string Group::Ask(int member, const std::string& command) {
  const PeerLink link = members_[static_cast<size_t>(member)]->link();
  link.Send(command);
  return link.Receive();
}

void Group::Do(int member, const std::string& command) {
  if (victim_ >= 0 && commands_left_-- == 0) {
    Kill(victim_);
  }
  if (members_[static_cast<size_t>(member)] == nullptr) {
    return;
  }
  EXPECT_EQ(Ask(member, command), "0") << "member " << member << ": " << command;
}

void Group::Start(int member) {
  const auto index = static_cast<size_t>(member);
  members_[index] = std::make_unique<PeerProcess>("Member.DISABLED_Obeys");
  Do(member, "start " + std::to_string(member) + " " + std::to_string(DeviceOf(member)));
  pids_[index] = Ask(member, "pid");
  keys_[index] = Ask(member, "keys");
}

// The user imports what the owner shares; not before it is allowed to.
void Group::Introduce(int owner, int user) {
  const std::string import =
      "import " + std::to_string(owner) + " " + keys_[static_cast<size_t>(owner)];
  EXPECT_EQ(Ask(user, import), std::to_string(ACL_ERROR_RT_NO_PERMISSION));
  Do(owner, "allow " + pids_[static_cast<size_t>(user)]);
  Do(user, import);
}

void Group::Kill(int member) {
  victim_ = -1;
  members_[static_cast<size_t>(member)].reset();  // which kills it and waits for its end
}

void Group::KillAfter(int commands, int member) {
  victim_ = member;
  commands_left_ = commands;
}

void Group::Replace(int member) {
  for (int other = 0; other < kMembers; ++other) {
    if (other != member) {
      Do(other, "forget " + std::to_string(member));
    }
  }
  Start(member);
  for (int other = 0; other < kMembers; ++other) {
    if (other != member) {
      Introduce(member, other);
      Introduce(other, member);
    }
  }
}

void Group::End() {
  for (const auto& member : members_) {
    member->link().Send("end");
  }
  for (const auto& member : members_) {
    EXPECT_EQ(member->Wait(), 0);
  }
}

}  // namespace vnpu::test
