/* The embedded transport: the same files and commands over SOCK_SEQPACKET socketpairs, for where
 * there is no device node. Each open file is one socket; each message has one reply, in order. */
#ifndef VNPU_TRANSPORT_H_
#define VNPU_TRANSPORT_H_

#include "abi.h"

/* The driver is started as `vnpud --embedded FD`, FD its end of the first socket, which takes
 * VNPU_MSG_OPEN alone. When that socket closes, the driver ends every session and exits. */
enum vnpu_msg_kind {
  VNPU_MSG_OPEN = 0,  /* payload: node name ("davinci_manager", "davinci0"), no NUL; the reply
                         carries the new file's socket by SCM_RIGHTS */
  VNPU_MSG_IOCTL = 1, /* command; payload: the structure (_IOC_SIZE bytes); descriptors go along
                         by SCM_RIGHTS in the order of vnpu_ioctl_fds, their fields are ignored;
                         the reply's payload: the structure. An io_uring cannot travel so (Linux
                         refuses): VNPU_IOC_IRQ_ADD with VNPU_IRQ_URING brings no descriptor, its
                         field is the client's number and the driver takes it by pidfd_getfd */
  VNPU_MSG_WRITE = 2, /* payload: SQEs; never blocks: -EAGAIN when full */
  VNPU_MSG_READ = 3,  /* length: room in bytes; reply's payload: CQEs; never blocks */
  VNPU_MSG_POLL = 4,  /* result: poll(2) bits that hold now */
  VNPU_MSG_COUNT = 5
};

struct vnpu_msg {
  uint32_t kind;    /* enum vnpu_msg_kind */
  uint32_t command; /* VNPU_MSG_IOCTL */
  int32_t result;   /* reply: >= 0, or -errno */
  uint32_t length;  /* bytes of payload that follow (VNPU_MSG_READ: room for them) */
};
VNPU_ASSERT_SIZE(vnpu_msg, 16);

#define VNPU_MSG_MAX_PAYLOAD 16384u

#endif /* VNPU_TRANSPORT_H_ */
