// How the driver is reached: device nodes, or a private driver process over sockets. Everything
// above this interface is the same for both.
#ifndef VNPU_LIBRUNTIME_SRC_TRANSPORT_TRANSPORT_H_
#define VNPU_LIBRUNTIME_SRC_TRANSPORT_TRANSPORT_H_

#include <sys/types.h>
#include <vnpu/ioctl.h>
#include <vnpu/queue.h>

#include <memory>
#include <span>
#include <string>

namespace vnpu::runtime {

// One open file of the driver; closed on destruction. Any thread. Results below 0 are -errno.
class TransportFile {
 public:
  virtual ~TransportFile() = default;

  // The command's structure goes in and comes out at `argument`.
  virtual int Ioctl(unsigned long command, void* argument) = 0;

  // Appends entries to a queue that the driver publishes; bytes taken. Never blocks for room.
  virtual ssize_t Write(std::span<const vnpu_sqe> entries) = 0;

  // Completions of the queues that the driver publishes; bytes. Never blocks.
  virtual ssize_t Read(std::span<vnpu_cqe> completions) = 0;

  // Whether the driver still answers.
  virtual bool Alive() = 0;

  // Reads what does not change about the device from the page that the node offers to mmap; false:
  // there is none.
  virtual bool ReadInfoPage(vnpu_device_info* /*info*/) { return false; }

  // Descriptor that takes IORING_OP_WRITE of entries; -1: none.
  virtual int WritableFd() const { return -1; }
};

template <class T>
int Call(TransportFile& file, unsigned long command, T& argument) {
  return file.Ioctl(command, &argument);
}

class Transport {
 public:
  virtual ~Transport() = default;

  // Opens a node: "davinci_manager", "davinci0"... 0 or -errno.
  virtual int Open(const std::string& node, std::unique_ptr<TransportFile>* file) = 0;

  // What device `index` is reached by, for people.
  virtual std::string Describe(uint32_t index) const = 0;
};

// Device nodes under `folder`.
std::unique_ptr<Transport> MakeNodeTransport(std::string folder);

// Starts a private driver. Null with *error set on failure; `reason` says why no node is used.
std::unique_ptr<Transport> MakeEmbeddedTransport(std::string reason, std::string* error);

// The transport that VNPU_TRANSPORT asks for: node, embedded, or auto (the default: a node if
// there is one). Null with *error set when it cannot be had.
std::unique_ptr<Transport> ChooseTransport(std::string* error);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_TRANSPORT_TRANSPORT_H_
