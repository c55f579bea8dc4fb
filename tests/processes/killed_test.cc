// A group of processes works on memory of each other. In every round one of them is killed, at any
// instant, and replaced: what the others compute stays right, nobody hangs, and the driver has
// everything of the killed one back.
//
// VNPU_PROCESSES_ROUNDS: how many; VNPU_PROCESSES_SEED: of all choices.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "tests/processes/group.h"
#include "tests/uapi/support/fixture.h"

namespace vnpu::test {
namespace {

using std::to_string;

// Memory that the members work on: of one of them, of one kind.
struct Target {
  int owner = 0;
  int kind = 0;

  std::string Text() const { return to_string(owner) + " " + to_string(kind); }
};

class ProcessesTest : public raw::NodeTest {
 protected:
  std::vector<std::string> Options() const override {
    return {"--devices", "2", "--hbm-size", "1G"};
  }
  void SetUp() override {
    if (raw::kOneWindow) {
      GTEST_SKIP() << "the thread checker leaves room for one window";
    }
    NodeTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    setenv("VNPU_TRANSPORT", "node", 1);
    setenv("VNPU_DEV_DIR", vnpud().mount_point().c_str(), 1);
    setenv("ASCEND_GLOBAL_LOG_LEVEL", "4", 0);
    random_.seed(seed_);
    RecordProperty("seed", to_string(seed_));
  }

  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint64_t>(limit)); }
  Target AnyTarget() { return {.owner = Below(kMembers), .kind = Below(kKinds)}; }
  // The members, in any order.
  std::array<int, kMembers> AnyOrder() {
    std::array<int, kMembers> order{};
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random_);
    return order;
  }

  // From each member to the next: by notify or by event.
  void Chain(Group& group, const std::array<int, kMembers>& order,
             const std::array<bool, kMembers>& by_event,
             const std::function<std::string(int)>& work);
  void PassOn(Group& group);
  void KillOne(Group& group);
  void ExpectSurvivorsRight(Group& group, const Target& target, int victim,
                            const std::array<uint32_t, kMembers>& added, uint32_t base);

  const uint64_t seed_ = raw::FromEnvironment("VNPU_PROCESSES_SEED", 1);
  std::mt19937_64 random_;
};

// Submits the work of all members, one behind the other; the first waits for its notify.
void ProcessesTest::Chain(Group& group, const std::array<int, kMembers>& order,
                          const std::array<bool, kMembers>& by_event,
                          const std::function<std::string(int)>& work) {
  for (size_t i = 0; i < order.size(); ++i) {
    const int member = order[i];
    const bool event = i > 0 && by_event[i];
    group.Do(member, event ? "await " + to_string(order[i - 1]) : "wait " + to_string(member));
    constexpr int kTasks = 20;
    for (int task = 0; task < kTasks; ++task) {
      group.Do(member, work(member));
    }
    if (i + 1 < order.size()) {
      group.Do(member, by_event[i + 1] ? "capture " + to_string(member)
                                       : "record " + to_string(order[i + 1]));
    }
  }
}

// Each member's work depends on that of the ones before it.
void ProcessesTest::PassOn(Group& group) {
  const Target target = AnyTarget();
  const std::array<int, kMembers> order = AnyOrder();
  const std::array<bool, kMembers> by_event = {false, Below(2) == 1, Below(2) == 1, Below(2) == 1};
  auto value = static_cast<uint32_t>(random_());
  group.Do(order[0], "write " + target.Text() + " " + to_string(value));
  Chain(group, order, by_event, [&](int) {
    const auto a = static_cast<uint32_t>(random_()) | 1;
    const auto b = static_cast<uint32_t>(random_());
    value = value * a + b;
    return "affine " + target.Text() + " " + to_string(a) + " " + to_string(b);
  });
  group.Do(order[1], "kick " + to_string(order[0]));
  for (const int member : order) {
    group.Do(member, "sync");
  }
  for (int member = 0; member < kMembers; ++member) {
    for (int part = 0; part < kMembers; ++part) {
      EXPECT_EQ(group.Ask(member, "read " + target.Text() + " " + to_string(part)),
                to_string(value))
          << "member " << member << ", part " << part;
    }
  }
}

void ProcessesTest::ExpectSurvivorsRight(Group& group, const Target& target, int victim,
                                         const std::array<uint32_t, kMembers>& added,
                                         uint32_t base) {
  for (int part = 0; part < kMembers; ++part) {
    for (int reader = 0; reader < kMembers; ++reader) {
      if (reader == victim || part == victim) {
        continue;
      }
      EXPECT_EQ(group.Ask(reader, "read " + target.Text() + " " + to_string(part)),
                to_string(base + added[static_cast<size_t>(part)]))
          << "reader " << reader << ", part " << part;
    }
  }
}

// Each member works on a part of its own, so that what the killed one did or did not do is seen in
// no other part.
void ProcessesTest::KillOne(Group& group) {
  const Target target = AnyTarget();
  const std::array<int, kMembers> order = AnyOrder();
  const std::array<bool, kMembers> by_event = {false, Below(2) == 1, Below(2) == 1, Below(2) == 1};
  const auto place = static_cast<size_t>(Below(kMembers));
  const int victim = order[place];
  const auto base = static_cast<uint32_t>(random_());
  std::array<uint32_t, kMembers> added{};
  group.Do(order[0], "write " + target.Text() + " " + to_string(base));
  // While the work is submitted, before any of it runs, or while it runs.
  constexpr int kCommands = 90;
  if (Below(2) == 0) {
    group.KillAfter(Below(kCommands), victim);
  }
  Chain(group, order, by_event, [&](int member) {
    const auto k = static_cast<uint32_t>(random_());
    added[static_cast<size_t>(member)] += k;
    return "add " + target.Text() + " " + to_string(member) + " " + to_string(k);
  });
  const int helper = order[(place + 1) % kMembers];
  group.Do(helper, "kick " + to_string(order[0]));
  constexpr int kLongestUs = 2'000;
  usleep(static_cast<useconds_t>(Below(kLongestUs)));
  group.Kill(victim);
  // What the killed one may have owed the next.
  if (place + 1 < order.size() && !by_event[place + 1]) {
    const int next = order[place + 1];
    group.Do(next, "kick " + to_string(next));
  }
  for (const int member : order) {
    group.Do(member, "sync");
  }
  ExpectSurvivorsRight(group, target, victim, added, base);
  const auto device = static_cast<uint32_t>(Group::DeviceOf(victim));
  EXPECT_TRUE(raw::Eventually(raw::kPatience, [&] {
    const vnpu_ioc_counters counters = Counters(device);
    return counters.sessions == 1 && counters.device_processes == 1;
  })) << "the killed process's session stays";
  for (const int member : order) {
    group.Do(member, "settle");
  }
  group.Replace(victim);
}

TEST_F(ProcessesTest, SurvivorsGoOn) {
  const uint64_t rounds =
      raw::FromEnvironment("VNPU_PROCESSES_ROUNDS", raw::TimeScale() == 1 ? 200 : 10);
  {
    Group group;
    PassOn(group);
    std::array<vnpu_ioc_counters, 2> before{Counters(0), Counters(1)};
    for (uint64_t round = 0; round < rounds && !HasFailure(); ++round) {
      KillOne(group);
      PassOn(group);
      for (uint32_t device = 0; device < 2; ++device) {
        const vnpu_ioc_counters now = Counters(device);
        EXPECT_EQ(now.sessions, before[device].sessions);
        EXPECT_EQ(now.device_processes, before[device].device_processes);
        EXPECT_EQ(now.modules, before[device].modules);
        EXPECT_EQ(now.pmems, before[device].pmems);
        EXPECT_EQ(now.hbm_pages, before[device].hbm_pages);
      }
      EXPECT_FALSE(HasFailure()) << "in round " << round << " of seed " << seed_;
    }
    group.End();
  }
  ExpectNothingLeft();
  EXPECT_TRUE(raw::Eventually(raw::kPatience, [&] { return raw::AllZero(Counters(1)); }))
      << raw::ToString(Counters(1));
}

}  // namespace
}  // namespace vnpu::test
