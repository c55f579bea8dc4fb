#include "driver/glue/fuse.h"

#define FUSE_USE_VERSION 314
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <vnpu/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driver/core/file.h"
#include "driver/core/limits.h"

namespace vnpu::driver {
namespace {

// Node ids: the low bits say which node (kRootId, the manager, the devices), the high bits tell
// inodes of the same node apart; see NodeServer::Lookup.
constexpr uint64_t kManagerId = 2;
constexpr uint64_t kFirstDeviceId = 3;
constexpr int kInodeShift = 16;
constexpr uint64_t kNodeMask = (uint64_t{1} << kInodeShift) - 1;
constexpr uint64_t kNodeBytes = VNPU_INFO_OFFSET + VNPU_PAGE_SIZE;
constexpr double kForever = 86400.0;

uint64_t IdOf(Node node) {
  return node.is_manager() ? kManagerId : kFirstDeviceId + static_cast<uint64_t>(node.device);
}

Node NodeOf(fuse_ino_t ino) {
  const uint64_t id = ino & kNodeMask;
  return id == kManagerId ? Node{} : Node{static_cast<int>(id - kFirstDeviceId)};
}

// Descriptors come from the process that opened the file, whatever its other holders say.
class OpenerFds : public FdSource {
 public:
  explicit OpenerFds(const Client* client) : client_(client) {}
  int Take(unsigned /*index*/, int number, UniqueFd* fd) override {
    return DuplicateFrom(client_->pidfd.get(), number, fd);
  }

 private:
  const Client* client_;
};

struct OpenFile {
  std::shared_ptr<File> file;
  std::unique_ptr<OpenerFds> fds;
  fuse_ino_t ino = 0;
};

class FusePollNotifier : public PollNotifier {
 public:
  explicit FusePollNotifier(fuse_pollhandle* handle) : handle_(handle) {}
  ~FusePollNotifier() override { fuse_pollhandle_destroy(handle_); }
  void Notify() override { fuse_lowlevel_notify_poll(handle_); }

 private:
  fuse_pollhandle* handle_;
};

class FuseRequest : public Request {
 public:
  FuseRequest(fuse_req_t req, const OpenFile& open) : req_(req), file_(open.file) {
    caller = fuse_req_ctx(req)->pid;
    fds = open.fds.get();
  }

  // To be called once the request may wait.
  void WatchInterrupt() {
    watched_ = true;
    fuse_req_interrupt_func(req_, OnInterrupt, this);
  }

  void Complete(int result) override {
    if (watched_) {
      // Waits for an OnInterrupt that runs just now.
      fuse_req_interrupt_func(req_, nullptr, nullptr);
    }
    Reply(result);
  }

 private:
  static void OnInterrupt(fuse_req_t /*req*/, void* data) {
    auto* self = static_cast<FuseRequest*>(data);
    self->interrupted.store(true);
    self->file_->Wake();
  }

  void Reply(int result) {
    if (result < 0 && (kind != RequestKind::kIoctl || data.empty())) {
      fuse_reply_err(req_, -result);
      return;
    }
    switch (kind) {
      case RequestKind::kIoctl:
        fuse_reply_ioctl(req_, result, data.data(), data.size());
        return;
      case RequestKind::kWrite:
        fuse_reply_write(req_, static_cast<size_t>(result));
        return;
      case RequestKind::kRead:
        fuse_reply_buf(req_, reinterpret_cast<const char*>(data.data()), data.size());
        return;
      case RequestKind::kPoll:
        fuse_reply_poll(req_, static_cast<unsigned>(result));
        return;
    }
  }

  fuse_req_t req_;
  std::shared_ptr<File> file_;
  bool watched_ = false;
};

// The mount. Used by the one thread that receives requests.
class NodeServer {
 public:
  NodeServer(Driver* driver, int signal_fd) : driver_(driver), signal_fd_(signal_fd) {
    clock_gettime(CLOCK_REALTIME, &started_);
  }
  ~NodeServer();

  int Mount();
  int Serve();

 private:
  bool TryMount(const char* options);
  static NodeServer* From(fuse_req_t req) {
    return static_cast<NodeServer*>(fuse_req_userdata(req));
  }
  static const fuse_lowlevel_ops& Operations();

  static void Init(void* userdata, fuse_conn_info* conn);
  static void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name);
  static void GetAttr(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info);
  static void SetAttr(fuse_req_t req, fuse_ino_t ino, struct stat* attr, int to_set,
                      fuse_file_info* info);
  static void ReadDir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                      fuse_file_info* info);
  static void Open(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info);
  static void Release(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info);
  static void Read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info* info);
  static void Write(fuse_req_t req, fuse_ino_t ino, const char* buffer, size_t size, off_t offset,
                    fuse_file_info* info);
  static void Ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command, void* arg,
                    fuse_file_info* info, unsigned flags, const void* in, size_t in_size,
                    size_t out_size);
  static void Poll(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, fuse_pollhandle* handle);

  struct stat Attributes(fuse_ino_t ino) const;
  bool IsRoot(fuse_ino_t ino) const { return ino == FUSE_ROOT_ID; }
  fuse_ino_t InodeFor(Node node, pid_t caller);
  void ReadInfoPage(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset);
  OpenFile* Find(fuse_file_info* info);

  Driver* driver_;
  int signal_fd_;
  timespec started_{};
  fuse_session* session_ = nullptr;
  bool mounted_ = false;
  std::map<uint64_t, OpenFile> files_;  // by file handle
  uint64_t next_handle_ = 1;
  uint64_t next_inode_ = 0;
  std::map<uint64_t, fuse_ino_t> inodes_;            // node -> the inode that lookups find
  std::multimap<fuse_ino_t, uint64_t> inode_files_;  // inode -> handles of its open files
};

// Nodes -------------------------------------------------------------------------------------

struct stat NodeServer::Attributes(fuse_ino_t ino) const {
  struct stat attr {};
  attr.st_ino = ino & kNodeMask;
  attr.st_uid = driver_->config().owner;
  attr.st_gid = driver_->config().group;
  attr.st_nlink = 1;
  attr.st_atim = attr.st_mtim = attr.st_ctim = started_;
  if (IsRoot(ino)) {
    attr.st_mode = S_IFDIR | 0755;
    attr.st_nlink = 2;
  } else {
    attr.st_mode = S_IFREG | driver_->config().mode;
    attr.st_size = static_cast<off_t>(kNodeBytes);
  }
  return attr;
}

// The kernel holds the lock of an inode while a write(2) waits, so a process that fills its queues
// could keep others from writing. Hence a process that opens a device node which another process
// has open gets an inode of its own.
fuse_ino_t NodeServer::InodeFor(Node node, pid_t caller) {
  const uint64_t id = IdOf(node);
  const fuse_ino_t current = inodes_.try_emplace(id, id).first->second;
  const auto open = inode_files_.find(current);
  if (node.is_manager() || open == inode_files_.end() ||
      files_.at(open->second).file->IsOpener(caller)) {
    return current;
  }
  return inodes_[id] = ++next_inode_ << kInodeShift | id;
}

void NodeServer::Init(void* /*userdata*/, fuse_conn_info* conn) {
  conn->max_write = kMaxWriteBytes;
  conn->max_readahead = 0;
  conn->want &= ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE);
}

void NodeServer::Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  NodeServer* self = From(req);
  Node node;
  if (!self->IsRoot(parent) || !Node::Find(name, self->driver_->device_count(), &node)) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  fuse_entry_param entry{};
  entry.ino = self->InodeFor(node, fuse_req_ctx(req)->pid);
  entry.attr = self->Attributes(entry.ino);
  entry.attr_timeout = kForever;
  entry.entry_timeout = node.is_manager() ? kForever : 0;
  fuse_reply_entry(req, &entry);
}

void NodeServer::GetAttr(fuse_req_t req, fuse_ino_t ino, fuse_file_info* /*info*/) {
  const struct stat attr = From(req)->Attributes(ino);
  fuse_reply_attr(req, &attr, kForever);
}

// open(2) with O_TRUNC asks for size 0, as for any device this means nothing.
void NodeServer::SetAttr(fuse_req_t req, fuse_ino_t ino, struct stat* /*attr*/, int to_set,
                         fuse_file_info* info) {
  constexpr int kHarmless = FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
                            FUSE_SET_ATTR_CTIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW;
  if ((to_set & ~kHarmless) != 0) {
    fuse_reply_err(req, EPERM);
    return;
  }
  GetAttr(req, ino, info);
}

void NodeServer::ReadDir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                         fuse_file_info* /*info*/) {
  NodeServer* self = From(req);
  if (!self->IsRoot(ino)) {
    fuse_reply_err(req, ENOTDIR);
    return;
  }
  std::vector<std::pair<std::string, uint64_t>> entries = {
      {".", FUSE_ROOT_ID}, {"..", FUSE_ROOT_ID}, {Node{}.Name(), kManagerId}};
  for (uint32_t i = 0; i < self->driver_->device_count(); ++i) {
    const Node node{static_cast<int>(i)};
    entries.emplace_back(node.Name(), IdOf(node));
  }
  std::vector<char> buffer(size);
  size_t used = 0;
  for (auto i = static_cast<size_t>(offset); i < entries.size(); ++i) {
    struct stat attr = self->Attributes(entries[i].second);
    const size_t length =
        fuse_add_direntry(req, buffer.data() + used, size - used, entries[i].first.c_str(), &attr,
                          static_cast<off_t>(i + 1));
    if (length > size - used) {
      break;
    }
    used += length;
  }
  fuse_reply_buf(req, buffer.data(), used);
}

// Files -------------------------------------------------------------------------------------

OpenFile* NodeServer::Find(fuse_file_info* info) {
  const auto it = files_.find(info->fh);
  return it == files_.end() ? nullptr : &it->second;
}

void NodeServer::Open(fuse_req_t req, fuse_ino_t ino, fuse_file_info* /*info*/) {
  NodeServer* self = From(req);
  if (self->IsRoot(ino)) {
    fuse_reply_err(req, EISDIR);
    return;
  }
  const fuse_ctx* context = fuse_req_ctx(req);
  Client client;
  int error = IdentifyClient(context->pid, context->uid, context->gid, &client);
  if (error == -ESRCH) {
    spdlog::warn("a process of a pid namespace that vnpud cannot see opened {}: refused",
                 NodeOf(ino).Name());
    error = -EACCES;
  }
  OpenFile open;
  if (error == 0) {
    error = self->driver_->Open(NodeOf(ino), std::move(client), &open.file);
  }
  if (error != 0) {
    fuse_reply_err(req, -error);
    return;
  }
  open.fds = std::make_unique<OpenerFds>(&open.file->client());
  open.ino = ino;
  const uint64_t handle = self->next_handle_++;
  // libfuse cannot say FOPEN_STREAM: no file position, so that a blocked read(2) does not keep a
  // write(2) of the same file waiting for it.
  fuse_open_out reply{};
  reply.fh = handle;
  reply.open_flags = FOPEN_DIRECT_IO | FOPEN_STREAM | FOPEN_NOFLUSH | FOPEN_PARALLEL_DIRECT_WRITES;
  if (fuse_reply_buf(req, reinterpret_cast<const char*>(&reply), sizeof(reply)) != 0) {
    open.file->Close();  // open(2) was interrupted: there will be no release
    return;
  }
  self->inode_files_.emplace(ino, handle);
  self->files_.emplace(handle, std::move(open));
}

void NodeServer::Release(fuse_req_t req, fuse_ino_t /*ino*/, fuse_file_info* info) {
  NodeServer* self = From(req);
  if (OpenFile* open = self->Find(info); open != nullptr) {
    open->file->Close();
    const auto [begin, end] = self->inode_files_.equal_range(open->ino);
    self->inode_files_.erase(
        std::find_if(begin, end, [info](const auto& entry) { return entry.second == info->fh; }));
    self->files_.erase(info->fh);
  }
  fuse_reply_err(req, 0);
}

// A page of a mapping: the info page, and zeros elsewhere. Never short, because the kernel would
// take that for the end of the file.
void NodeServer::ReadInfoPage(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset) {
  const Node node = NodeOf(ino);
  std::vector<char> bytes(size);
  const auto start = static_cast<uint64_t>(offset);
  if (!node.is_manager() && start <= VNPU_INFO_OFFSET && VNPU_INFO_OFFSET - start < size) {
    const size_t at = VNPU_INFO_OFFSET - start;
    const vnpu_device_info info = driver_->FindDevice(static_cast<uint32_t>(node.device))->Info();
    std::memcpy(bytes.data() + at, &info, std::min(sizeof(info), size - at));
  }
  fuse_reply_buf(req, bytes.data(), bytes.size());
}

// read(2) always comes with offset 0, as the files are streams; other offsets come from mappings.
void NodeServer::Read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                      fuse_file_info* info) {
  NodeServer* self = From(req);
  OpenFile* open = self->Find(info);
  if (open == nullptr) {
    fuse_reply_err(req, EBADF);
    return;
  }
  if (offset != 0) {
    self->ReadInfoPage(req, ino, std::min<size_t>(size, kNodeBytes), offset);
    return;
  }
  auto request = std::make_unique<FuseRequest>(req, *open);
  request->kind = RequestKind::kRead;
  // After a full answer to a large read(2) the kernel would ask for more, at another offset.
  request->room =
      static_cast<uint32_t>(size < kMaxReadBytes ? size : kMaxReadBytes - sizeof(uint64_t) * 4);
  request->nonblock = (info->flags & O_NONBLOCK) != 0;
  request->WatchInterrupt();
  open->file->Submit(std::move(request));
}

void NodeServer::Write(fuse_req_t req, fuse_ino_t /*ino*/, const char* buffer, size_t size,
                       off_t offset, fuse_file_info* info) {
  OpenFile* open = From(req)->Find(info);
  if (open == nullptr) {
    fuse_reply_err(req, EBADF);
    return;
  }
  auto request = std::make_unique<FuseRequest>(req, *open);
  request->kind = RequestKind::kWrite;
  const auto* bytes = reinterpret_cast<const std::byte*>(buffer);
  request->data.assign(bytes, bytes + size);
  // What follows the first piece of a large write(2) must not wait: the client is owed a short
  // count.
  request->nonblock = (info->flags & O_NONBLOCK) != 0 || offset != 0;
  request->WatchInterrupt();
  open->file->Submit(std::move(request));
}

void NodeServer::Ioctl(fuse_req_t req, fuse_ino_t /*ino*/, unsigned command, void* /*arg*/,
                       fuse_file_info* info, unsigned /*flags*/, const void* in, size_t in_size,
                       size_t /*out_size*/) {
  OpenFile* open = From(req)->Find(info);
  if (open == nullptr) {
    fuse_reply_err(req, ENOTTY);
    return;
  }
  auto request = std::make_unique<FuseRequest>(req, *open);
  request->kind = RequestKind::kIoctl;
  request->command = command;
  const auto* bytes = static_cast<const std::byte*>(in);
  request->data.assign(bytes, bytes + in_size);
  open->file->Submit(std::move(request));
}

void NodeServer::Poll(fuse_req_t req, fuse_ino_t /*ino*/, fuse_file_info* info,
                      fuse_pollhandle* handle) {
  OpenFile* open = From(req)->Find(info);
  std::unique_ptr<PollNotifier> notifier;
  if (handle != nullptr) {
    notifier = std::make_unique<FusePollNotifier>(handle);
  }
  if (open == nullptr) {
    fuse_reply_err(req, EBADF);
    return;
  }
  auto request = std::make_unique<FuseRequest>(req, *open);
  request->kind = RequestKind::kPoll;
  request->poll_events = info->poll_events;
  request->notifier = std::move(notifier);
  open->file->Submit(std::move(request));
}

// The session with the kernel ---------------------------------------------------------------

const fuse_lowlevel_ops& NodeServer::Operations() {
  static const fuse_lowlevel_ops operations = [] {
    fuse_lowlevel_ops ops{};
    ops.init = Init;
    ops.lookup = Lookup;
    ops.getattr = GetAttr;
    ops.setattr = SetAttr;
    ops.readdir = ReadDir;
    ops.open = Open;
    ops.release = Release;
    ops.read = Read;
    ops.write = Write;
    ops.ioctl = Ioctl;
    ops.poll = Poll;
    return ops;
  }();
  return operations;
}

// One line that says what is missing and what to do.
int ExplainMountFailure(const std::string& mount_point) {
  if (access("/dev/fuse", F_OK) != 0) {
    spdlog::error(
        "there is no /dev/fuse: load the kernel module fuse, or start the container with --device "
        "/dev/fuse; programs can also run without nodes, on the embedded transport");
    return -ENODEV;
  }
  if (access("/dev/fuse", R_OK | W_OK) != 0) {
    spdlog::error("may not open /dev/fuse: run vnpud as root, or get access to /dev/fuse");
    return -EACCES;
  }
  spdlog::error(
      "cannot mount {}: run vnpud as root (in a container with --cap-add SYS_ADMIN), or install "
      "fusermount3 for use by a plain user",
      mount_point);
  return -EPERM;
}

// With `options`, as mount(8) takes them.
bool NodeServer::TryMount(const char* options) {
  std::array<const char*, 3> words = {"vnpud", "-o", options};
  fuse_args args = FUSE_ARGS_INIT(static_cast<int>(words.size()), const_cast<char**>(words.data()));
  session_ = fuse_session_new(&args, &Operations(), sizeof(fuse_lowlevel_ops), this);
  fuse_opt_free_args(&args);  // libfuse has made its own copy
  if (session_ == nullptr) {
    return false;
  }
  mounted_ = fuse_session_mount(session_, driver_->config().mount_point.c_str()) == 0;
  if (!mounted_) {
    fuse_session_destroy(std::exchange(session_, nullptr));
  }
  return mounted_;
}

int NodeServer::Mount() {
  const std::string& mount_point = driver_->config().mount_point;
  if (access("/dev/fuse", R_OK | W_OK) != 0) {
    return ExplainMountFailure(mount_point);
  }
  if (!TryMount("allow_other,default_permissions,fsname=vnpu,subtype=vnpud")) {
    // A plain user may mount for himself.
    if (geteuid() == 0 || !TryMount("default_permissions,fsname=vnpu,subtype=vnpud")) {
      return ExplainMountFailure(mount_point);
    }
    spdlog::warn("{} is for this user alone; for others put user_allow_other into /etc/fuse.conf",
                 mount_point);
  }
  const int fd = fuse_session_fd(session_);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return 0;
}

int NodeServer::Serve() {
  pollfd fds[] = {{fuse_session_fd(session_), POLLIN, 0}, {signal_fd_, POLLIN, 0}};
  fuse_buf buffer{};
  int result = 0;
  while (fuse_session_exited(session_) == 0) {
    if (poll(fds, 2, -1) < 0) {
      continue;
    }
    if (fds[1].revents != 0) {
      break;
    }
    const int got = fuse_session_receive_buf(session_, &buffer);
    if (got > 0) {
      fuse_session_process_buf(session_, &buffer);
    } else if (got == 0) {
      spdlog::warn("{} was unmounted: ending", driver_->config().mount_point);
      break;
    } else if (got != -EINTR && got != -EAGAIN) {
      spdlog::error("reading requests: {}", std::strerror(-got));
      result = got;
      break;
    }
  }
  std::free(buffer.mem);
  return result;
}

NodeServer::~NodeServer() {
  // The answers to pending requests still need the session.
  driver_->Remove();
  files_.clear();
  if (session_ != nullptr) {
    if (mounted_) {
      fuse_session_unmount(session_);
    }
    fuse_session_destroy(session_);
  }
}

}  // namespace

int ServeFuse(Driver* driver, int signal_fd, const std::function<void()>& ready) {
  NodeServer server(driver, signal_fd);
  if (const int error = server.Mount(); error != 0) {
    return error;
  }
  spdlog::info("serving {} device(s) {} at {}", driver->device_count(), driver->config().soc->name,
               driver->config().mount_point);
  ready();
  const int result = server.Serve();
  spdlog::info("ending");
  return result;
}

}  // namespace vnpu::driver
