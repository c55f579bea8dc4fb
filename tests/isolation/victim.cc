#include "tests/isolation/victim.h"

#include <fcntl.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "tests/uapi/support/module.h"

namespace vnpu::raw {
namespace {

constexpr uint32_t kObjects = 16;
constexpr uint64_t kWords = VNPU_PAGE_SIZE / 8;

struct Belongings {
  std::vector<Buffer> buffers;
  std::vector<Queue> queues;
  std::vector<uint32_t> events;
};

Belongings Acquire(Session* session) {
  Belongings own;
  const std::vector<uint64_t> secret(kWords, kSecret);
  for (uint32_t i = 0; i < kObjects; ++i) {
    own.buffers.push_back(session->Allocate(VNPU_PAGE_SIZE));
    own.queues.push_back(
        session->CreateQueue({.flags = i % 2 == 0 ? 0u : VNPU_QUEUE_DRIVER_SUBMIT}));
    if (!session->Store(own.buffers.back().va, secret.data(), VNPU_PAGE_SIZE)) {
      throw std::runtime_error("the victim cannot store its secret");
    }
  }
  own.events = session->AllocateEvents(kObjects);
  session->PrepareWait();
  return own;
}

bool Intact(Session* session, const Belongings& own, const TestModule& module) {
  const std::vector<uint64_t> secret(kWords, kSecret);
  std::vector<uint64_t> seen(kWords);
  for (uint32_t i = 0; i < kObjects; ++i) {
    if (!session->Load(seen.data(), own.buffers[i].va, VNPU_PAGE_SIZE) || seen != secret) {
      return false;
    }
    vnpu_ioc_queue_query query{};
    query.queue_id = own.queues[i].id;
    if (session->Ioctl(VNPU_IOC_QUEUE_QUERY, &query) != 0 || query.sq_tail != 0) {
      return false;
    }
    vnpu_ioc_event_free free_event{own.events[i], 0};
    if (session->mem().events[own.events[i]].seq != 0 ||
        session->Ioctl(VNPU_IOC_EVENT_FREE, &free_event) != 0) {
      return false;
    }
  }
  const uint64_t args[] = {own.buffers[0].va, 1};
  return session->Run(own.queues[0], Kernel(module.Function("add_one"), 1, args)) == VNPU_OK;
}

}  // namespace

Victim::Victim(const Vnpud& vnpud, bool as_nobody) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  child_ = Child([&] { return Live(vnpud, as_nobody, theirs.get()); });
  theirs.Reset();
  if (read(ours.get(), &facts_, sizeof(facts_)) != sizeof(facts_)) {
    throw std::runtime_error("the victim cannot begin");
  }
}

int Victim::Live(const Vnpud& vnpud, bool as_nobody, int facts_fd) const {
  if (as_nobody) {
    BecomeNobody();
  }
  Session session(vnpud);
  const TestModule module(&session);
  const Belongings own = Acquire(&session);
  const UniqueFd memory = MakeSealedMemfd(VNPU_PAGE_SIZE);
  vnpu_ioc_pin pin{};
  pin.size = VNPU_PAGE_SIZE;
  pin.fd = memory.get();
  session.Must(VNPU_IOC_PIN, &pin, "VNPU_IOC_PIN");
  const uint64_t secret_va = own.buffers[3].va;
  const VictimFacts facts{
      getpid(), session.device_pid(), session.window(), secret_va, session.Query(secret_va).pa,
      pin.va,   memory.get(),         kObjects};
  if (write(facts_fd, &facts, sizeof(facts)) != sizeof(facts)) {
    return 1;
  }
  while (!stop_.Wait()) {
  }
  return Intact(&session, own, module) ? 0 : 2;
}

bool Victim::Finish() {
  stop_.Give();
  return child_.Wait() == 0;
}

}  // namespace vnpu::raw
