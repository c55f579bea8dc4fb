// Files that reach other processes.
#include <sys/socket.h>

#include "tests/uapi/support/fixture.h"
#include "tests/uapi/support/process.h"

namespace vnpu::raw {
namespace {

class ForkTest : public NodeTest {};

// Numbers in a structure are those of the process that opened the file, so a process that
// inherited it may not pass any.
TEST_F(ForkTest, InheritedFilesTakeNoDescriptors) {
  Session session(vnpud());
  const auto fresh = vnpud().Open("davinci0");
  Child child([&] {
    const UniqueFd memory = MakeSealedMemfd(VNPU_SESSION_MEM_BYTES);
    const UniqueFd event = MakeEventfd();
    vnpu_ioc_pin pin{};
    pin.size = VNPU_PAGE_SIZE;
    pin.fd = memory.get();
    vnpu_ioc_qmem_add qmem{VNPU_PAGE_SIZE, memory.get(), 0};
    vnpu_ioc_irq_add irq{event.get(), VNPU_IRQ_EVENTFD, 0, 0, 0};
    vnpu_ioc_module_load load{};
    load.size = VNPU_PAGE_SIZE;
    load.fd = memory.get();
    vnpu_ioc_session begin{};
    begin.window_base = kFreeWindow;
    begin.mem_fd = memory.get();
    begin.kick_fd = event.get();
    vnpu_ioc_reserve reserve{0, VNPU_PAGE_SIZE, 0, 0};
    return FirstWrong({{-EACCES, session.Ioctl(VNPU_IOC_PIN, &pin)},
                       {-EACCES, session.Ioctl(VNPU_IOC_QMEM_ADD, &qmem)},
                       {-EACCES, session.Ioctl(VNPU_IOC_IRQ_ADD, &irq)},
                       {-EACCES, session.Ioctl(VNPU_IOC_MODULE_LOAD, &load)},
                       {-EACCES, fresh->Ioctl(VNPU_IOC_SESSION, &begin)},
                       {0, session.Ioctl(VNPU_IOC_RESERVE, &reserve)}});
  });
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK);
}

// The session is that of the process that opened the file, and ends with it.
TEST_F(ForkTest, SessionsEndWithTheirOpener) {
  int sockets[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
  const UniqueFd ours(sockets[0]);
  const UniqueFd theirs(sockets[1]);
  Notice kept;
  Child opener([&] {
    Session session(vnpud());
    session.Allocate(VNPU_PAGE_SIZE);
    // Hands the file to its parent, which keeps it open.
    char byte = 0;
    iovec body{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &body;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    *reinterpret_cast<int*>(CMSG_DATA(c)) = session.file().fd();
    if (sendmsg(theirs.get(), &message, 0) != 1) {
      return 1;
    }
    return kept.Wait() ? 0 : 2;
  });
  char byte = 0;
  iovec body{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ASSERT_EQ(recvmsg(ours.get(), &message, MSG_CMSG_CLOEXEC), 1);
  const UniqueFd file(*reinterpret_cast<int*>(CMSG_DATA(CMSG_FIRSTHDR(&message))));
  EXPECT_EQ(Counters().sessions, 1u);
  kept.Give();
  EXPECT_EQ(opener.Wait(), 0);
  ExpectNothingLeft();
}

TEST_F(ForkTest, NumbersOfOtherProcessesMeanNothing) {
  Session session(vnpud());
  const uint64_t size = VNPU_PAGE_SIZE;
  Notice done;
  const int before = MakeEventfd().get();  // the lowest number that is free here
  Child other([&] {
    std::vector<UniqueFd> memory;
    while (memory.empty() || memory.back().get() < before + 64) {
      memory.push_back(MakeSealedMemfd(size));
    }
    return done.Wait() ? 0 : 1;
  });
  // Open in the other process, and some of them in the driver, but not here.
  for (int number = before + 8; number < before + 60; ++number) {
    vnpu_ioc_qmem_add add{size, number, 0};
    EXPECT_ERRNO(EBADF, session.Ioctl(VNPU_IOC_QMEM_ADD, &add)) << number;
  }
  done.Give();
  EXPECT_EQ(other.Wait(), 0);
}

}  // namespace
}  // namespace vnpu::raw
