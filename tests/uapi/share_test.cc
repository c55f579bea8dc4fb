// Export and import of memory: between sessions, devices and processes.
#include <fcntl.h>

#include <cstring>
#include <set>

#include "tests/uapi/support/fixture.h"
#include "tests/uapi/support/module.h"
#include "tests/uapi/support/process.h"

namespace vnpu::raw {
namespace {

constexpr uint32_t kReadWriteShare = VNPU_PROT_READ | VNPU_PROT_WRITE;

class ShareTest : public RawTest {
 protected:
  std::vector<std::string> Options() const override {
    return {"--hbm-size", "64M", "--devices", "2"};
  }
};

struct Key {
  uint64_t words[VNPU_SHARE_KEY_WORDS] = {};
};

int Export(Session& session, vnpu_ioc_export arg, uint32_t* share = nullptr, Key* key = nullptr) {
  const int result = session.Ioctl(VNPU_IOC_EXPORT, &arg);
  if (share != nullptr) {
    *share = arg.share_id;
  }
  if (key != nullptr) {
    std::memcpy(key->words, arg.key, sizeof(arg.key));
  }
  return result;
}

int Import(Session& session, const Key& key, vnpu_ioc_import* out, uint32_t flags = 0) {
  *out = {};
  std::memcpy(out->key, key.words, sizeof(out->key));
  out->flags = flags;
  return session.Ioctl(VNPU_IOC_IMPORT, out);
}

int Unexport(Session& session, uint32_t share, uint32_t flags = 0) {
  vnpu_ioc_unexport arg{share, flags};
  return session.Ioctl(VNPU_IOC_UNEXPORT, &arg);
}

int Allow(Session& session, uint32_t share, std::vector<int32_t> pids, uint32_t count) {
  vnpu_ioc_share_allow arg{share, count, {}};
  std::copy(pids.begin(), pids.end(), arg.pids);
  return session.Ioctl(VNPU_IOC_SHARE_ALLOW, &arg);
}

int Allow(Session& session, uint32_t share, pid_t pid) { return Allow(session, share, {pid}, 1); }

int Free(Session& session, uint32_t pmem_id) {
  vnpu_ioc_pmem_free arg{pmem_id, 0};
  return session.Ioctl(VNPU_IOC_PMEM_FREE, &arg);
}

// An object with a value in its first word.
Buffer Filled(Session& session, uint64_t size, uint64_t value, uint32_t flags = 0) {
  const Buffer buffer = session.Allocate(size, flags);
  EXPECT_TRUE(session.Store(buffer.va, &value, sizeof(value)));
  return buffer;
}

uint64_t WordAt(Session& session, uint64_t va) {
  uint64_t word = 0;
  EXPECT_TRUE(session.Load(&word, va, sizeof(word)));
  return word;
}

// Imports and maps; the address.
uint64_t MapShared(Session& session, const Key& key, vnpu_ioc_import* imported) {
  EXPECT_OK(Import(session, key, imported));
  const uint64_t va = session.Reserve(imported->size);
  session.Map(va, imported->size, imported->pmem_id);
  return va;
}

TEST_P(ShareTest, WhatOneWritesTheOtherReads) {
  Session owner(vnpud());
  Session user(vnpud());
  const Buffer buffer = Filled(owner, kHuge, 17, VNPU_PMEM_HUGE);
  Key key;
  ASSERT_OK(Export(owner, {buffer.pmem_id, 0, 0, kHuge, 0, 0, {}}, nullptr, &key));
  vnpu_ioc_import imported;
  const uint64_t va = MapShared(user, key, &imported);
  EXPECT_EQ(imported.size, kHuge);
  EXPECT_EQ(imported.device, 0u);
  EXPECT_EQ(imported.pmem_flags, VNPU_PMEM_HUGE);
  EXPECT_EQ(WordAt(user, va), 17u);
  const uint64_t answer = 18;
  ASSERT_TRUE(user.Store(va + kHuge - 8, &answer, 8));
  EXPECT_EQ(WordAt(owner, buffer.va + kHuge - 8), 18u);
  EXPECT_EQ(user.Query(va).pa, owner.Query(buffer.va).pa);
  EXPECT_EQ(user.Query(va).pmem_id, imported.pmem_id);
  EXPECT_EQ(Counters().hbm_pages, kHuge / kPage) << "one memory, however many share it";
}

TEST_P(ShareTest, ExportFieldsOutOfRange) {
  Session owner(vnpud());
  Session other(vnpud());
  const uint32_t pmem = owner.AllocatePmem(4 * kPage);
  for (const vnpu_ioc_export bad : {vnpu_ioc_export{pmem, 4, 0, kPage, 0, 0, {}},
                                    {pmem, 1u << 31, 0, kPage, 0, 0, {}},
                                    {pmem, 0, 0, 0, 0, 0, {}},
                                    {pmem, 0, 1, kPage, 0, 0, {}},
                                    {pmem, 0, 0, kPage + 1, 0, 0, {}},
                                    {pmem, 0, 0, 5 * kPage, 0, 0, {}},
                                    {pmem, 0, 4 * kPage, kPage, 0, 0, {}},
                                    {pmem, 0, ~uint64_t{0} & ~(kPage - 1), 2 * kPage, 0, 0, {}},
                                    {pmem, 0, 0, kPage, 0, 1, {}}}) {
    EXPECT_ERRNO(EINVAL, Export(owner, bad))
        << bad.flags << ' ' << std::hex << bad.offset << ' ' << bad.size << ' ' << bad.reserved;
  }
  EXPECT_ERRNO(ENOENT, Export(owner, {pmem + 1, 0, 0, kPage, 0, 0, {}}));
  EXPECT_ERRNO(ENOENT, Export(owner, {UINT32_MAX, 0, 0, kPage, 0, 0, {}}));
  EXPECT_ERRNO(ENOENT, Export(other, {pmem, 0, 0, kPage, 0, 0, {}})) << "another's object";
}

TEST_P(ShareTest, KeysAreDistinctAndShortOnesHaveOneWord) {
  Session owner(vnpud());
  const uint32_t pmem = owner.AllocatePmem(kPage);
  std::set<std::vector<uint64_t>> keys;
  for (uint32_t i = 0; i < 64; ++i) {
    Key key;
    const uint32_t flags = i % 2 == 0 ? 0 : VNPU_EXPORT_SHORT_KEY;
    ASSERT_OK(Export(owner, {pmem, flags, 0, kPage, 0, 0, {}}, nullptr, &key));
    EXPECT_NE(key.words[0], 0u);
    EXPECT_EQ(key.words[1] == 0 && key.words[2] == 0 && key.words[3] == 0, flags != 0);
    EXPECT_TRUE(keys.insert({key.words, key.words + VNPU_SHARE_KEY_WORDS}).second);
  }
}

TEST_P(ShareTest, WrongKeysOpenNothing) {
  Session owner(vnpud());
  Session user(vnpud());
  const uint32_t pmem = owner.AllocatePmem(kPage);
  Key key;
  ASSERT_OK(Export(owner, {pmem, VNPU_EXPORT_ANY_PROCESS, 0, kPage, 0, 0, {}}, nullptr, &key));
  vnpu_ioc_import imported;
  EXPECT_ERRNO(ENOENT, Import(user, Key{}, &imported));
  for (uint64_t& word : key.words) {
    word ^= 1;
    EXPECT_ERRNO(ENOENT, Import(user, key, &imported));
    word ^= 1;
  }
  EXPECT_ERRNO(EINVAL, Import(user, key, &imported, 1));
  EXPECT_OK(Import(user, key, &imported));
}

TEST_P(ShareTest, PartOfAnObject) {
  Session owner(vnpud());
  Session user(vnpud());
  const Buffer buffer = Filled(owner, 4 * kPage, 1);
  const uint64_t second = 2;
  ASSERT_TRUE(owner.Store(buffer.va + kPage, &second, 8));
  Key key;
  ASSERT_OK(Export(owner, {buffer.pmem_id, 0, kPage, 2 * kPage, 0, 0, {}}, nullptr, &key));
  vnpu_ioc_import imported;
  const uint64_t va = MapShared(user, key, &imported);
  EXPECT_EQ(imported.size, 2 * kPage);
  EXPECT_EQ(imported.pmem_flags, 0u);
  EXPECT_EQ(WordAt(user, va), 2u);
  EXPECT_EQ(user.Query(va + kPage).pa, owner.Query(buffer.va + 2 * kPage).pa);
  const uint64_t more = user.Reserve(4 * kPage);
  for (const vnpu_ioc_map beyond :
       {vnpu_ioc_map{more, 3 * kPage, 0, imported.pmem_id, kReadWriteShare},
        {more, kPage, 2 * kPage, imported.pmem_id, kReadWriteShare}}) {
    vnpu_ioc_map arg = beyond;
    EXPECT_ERRNO(EINVAL, user.Ioctl(VNPU_IOC_MAP, &arg)) << "beyond the part";
  }
}

TEST_P(ShareTest, ImportedObjectsAreNotPassedOn) {
  Session owner(vnpud());
  Session user(vnpud());
  const uint32_t pmem = owner.AllocatePmem(kPage);
  Key key;
  ASSERT_OK(Export(owner, {pmem, 0, 0, kPage, 0, 0, {}}, nullptr, &key));
  vnpu_ioc_import imported;
  ASSERT_OK(Import(user, key, &imported));
  EXPECT_ERRNO(EACCES, Export(user, {imported.pmem_id, 0, 0, kPage, 0, 0, {}}));
}

TEST_P(ShareTest, ImportingTwiceGivesTwoObjects) {
  Session owner(vnpud());
  Session user(vnpud());
  const Buffer buffer = Filled(owner, kPage, 5);
  Key key;
  ASSERT_OK(Export(owner, {buffer.pmem_id, 0, 0, kPage, 0, 0, {}}, nullptr, &key));
  vnpu_ioc_import first;
  vnpu_ioc_import second;
  const uint64_t a = MapShared(user, key, &first);
  const uint64_t b = MapShared(user, key, &second);
  EXPECT_NE(first.pmem_id, second.pmem_id);
  EXPECT_EQ(user.Query(b).pmem_id, second.pmem_id);
  EXPECT_ERRNO(EBUSY, Free(user, first.pmem_id));
  user.Free({a, kPage, first.pmem_id});
  EXPECT_EQ(WordAt(user, b), 5u);
  user.Free({b, kPage, second.pmem_id});
}

TEST_P(ShareTest, KeysEnd) {
  Session owner(vnpud());
  Session user(vnpud());
  const uint32_t pmem = owner.AllocatePmem(kPage);
  uint32_t share = 0;
  Key key;
  vnpu_ioc_import imported;
  ASSERT_OK(Export(owner, {pmem, 0, 0, kPage, 0, 0, {}}, &share, &key));
  EXPECT_ERRNO(ENOENT, Unexport(user, share + 1));
  EXPECT_ERRNO(ENOENT, Unexport(owner, share + 1));
  EXPECT_ERRNO(EINVAL, Unexport(owner, share, 2));
  EXPECT_OK(Unexport(owner, share));
  EXPECT_ERRNO(ENOENT, Unexport(owner, share));
  EXPECT_ERRNO(ENOENT, Allow(owner, share, getpid()));
  EXPECT_ERRNO(ENOENT, Import(user, key, &imported));
  // With the object.
  ASSERT_OK(Export(owner, {pmem, 0, 0, kPage, 0, 0, {}}, &share, &key));
  EXPECT_OK(Free(owner, pmem));
  EXPECT_ERRNO(ENOENT, Import(user, key, &imported));
  EXPECT_ERRNO(ENOENT, Unexport(owner, share));
}

TEST_P(ShareTest, UnexportTellsWhetherImportedObjectsAreLeft) {
  Session owner(vnpud());
  const uint32_t pmem = owner.AllocatePmem(kPage);
  uint32_t share = 0;
  Key key;
  ASSERT_OK(Export(owner, {pmem, 0, 0, kPage, 0, 0, {}}, &share, &key));
  vnpu_ioc_import imported;
  {
    Session user(vnpud());
    vnpu_ioc_import second;
    ASSERT_OK(Import(user, key, &imported));
    ASSERT_OK(Import(user, key, &second));
    EXPECT_ERRNO(EBUSY, Unexport(owner, share, VNPU_UNEXPORT_IF_UNUSED));
    EXPECT_ERRNO(ENOENT, Import(user, key, &imported)) << "the key has ended all the same";
    EXPECT_OK(Free(user, second.pmem_id));
    EXPECT_ERRNO(EBUSY, Unexport(owner, share, VNPU_UNEXPORT_IF_UNUSED));
  }
  EXPECT_TRUE(
      Eventually(kPatience, [&] { return Unexport(owner, share, VNPU_UNEXPORT_IF_UNUSED) == 0; }));
  EXPECT_ERRNO(ENOENT, Unexport(owner, share, VNPU_UNEXPORT_IF_UNUSED));
}

TEST_P(ShareTest, MemoryStaysForItsLastHolder) {
  auto owner = std::make_unique<Session>(vnpud());
  Session user(vnpud());
  const Buffer buffer = Filled(*owner, kPage, 99);
  Key key;
  ASSERT_OK(Export(*owner, {buffer.pmem_id, 0, 0, kPage, 0, 0, {}}, nullptr, &key));
  vnpu_ioc_import imported;
  const uint64_t va = MapShared(user, key, &imported);
  owner->Free(buffer);
  EXPECT_EQ(Counters().hbm_pages, 1u);
  EXPECT_EQ(WordAt(user, va), 99u);
  owner.reset();
  vnpu_ioc_import again;
  EXPECT_TRUE(Eventually(kPatience, [&] { return Counters().sessions == 1; }));
  EXPECT_ERRNO(ENOENT, Import(user, key, &again));
  EXPECT_EQ(Counters().hbm_pages, 1u);
  EXPECT_EQ(WordAt(user, va), 99u);
  user.Free({va, kPage, imported.pmem_id});
  EXPECT_EQ(Counters().hbm_pages, 0u);
}

TEST_P(ShareTest, ListsOfProcessesAreChecked) {
  Session owner(vnpud());
  const uint32_t pmem = owner.AllocatePmem(kPage);
  uint32_t share = 0;
  ASSERT_OK(Export(owner, {pmem, 0, 0, kPage, 0, 0, {}}, &share));
  EXPECT_ERRNO(EINVAL, Allow(owner, share, {1}, 0));
  EXPECT_ERRNO(EINVAL, Allow(owner, share, {1}, VNPU_SHARE_ALLOW_BATCH + 1));
  EXPECT_ERRNO(EINVAL, Allow(owner, share, {1, 0}, 2));
  EXPECT_ERRNO(EINVAL, Allow(owner, share, {-1}, 1));
  EXPECT_ERRNO(ENOENT, Allow(owner, share + 1, {1}, 1));
  int result = 0;
  int32_t named = 0;
  while (result == 0 && named < 4096) {
    std::vector<int32_t> pids;
    for (uint32_t i = 0; i < VNPU_SHARE_ALLOW_BATCH; ++i) {
      pids.push_back(++named);
    }
    result = Allow(owner, share, pids, VNPU_SHARE_ALLOW_BATCH);
  }
  EXPECT_EQ(result, -ENOSPC) << ErrorName(result);
}

TEST_P(ShareTest, SharesOfASessionAreLimited) {
  Session owner(vnpud());
  const uint32_t pmem = owner.AllocatePmem(kPage);
  for (uint32_t i = 0; i < VNPU_MAX_SHARES; ++i) {
    ASSERT_OK(Export(owner, {pmem, 0, 0, kPage, 0, 0, {}}));
  }
  EXPECT_ERRNO(ENOSPC, Export(owner, {pmem, 0, 0, kPage, 0, 0, {}}));
}

// What a process tells another, or waits for.
class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_, O_CLOEXEC) != 0) {
      Fail("pipe2");
    }
  }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  template <typename T>
  void Tell(const T& value) {
    if (write(ends_[1], &value, sizeof(value)) != sizeof(value)) {
      Fail("write");
    }
  }
  template <typename T>
  T Hear() {
    T value;
    if (read(ends_[0], &value, sizeof(value)) != sizeof(value)) {
      Fail("read");
    }
    return value;
  }

 private:
  int ends_[2];
};

TEST_P(ShareTest, OnlyNamedProcessesImport) {
  Pipe keys;
  Pipe answers;
  const auto try_import = [&] {
    Session user(vnpud());
    answers.Tell(0);
    for (;;) {
      const Key key = keys.Hear<Key>();
      if (key.words[0] == 0) {
        return 0;
      }
      vnpu_ioc_import imported;
      answers.Tell(Import(user, key, &imported));
    }
  };
  Child user(try_import);
  // One after the other: on the embedded transport both ask for a file by the same socket.
  ASSERT_OK(answers.Hear<int>());
  Session owner(vnpud());
  const uint32_t pmem = owner.AllocatePmem(kPage);
  uint32_t share = 0;
  Key key;
  ASSERT_OK(Export(owner, {pmem, 0, 0, kPage, 0, 0, {}}, &share, &key));
  keys.Tell(key);
  EXPECT_ERRNO(EACCES, answers.Hear<int>());
  ASSERT_OK(Allow(owner, share, getppid()));
  keys.Tell(key);
  EXPECT_ERRNO(EACCES, answers.Hear<int>());
  ASSERT_OK(Allow(owner, share, user.pid()));
  keys.Tell(key);
  EXPECT_OK(answers.Hear<int>());
  ASSERT_OK(Export(owner, {pmem, VNPU_EXPORT_ANY_PROCESS, 0, kPage, 0, 0, {}}, nullptr, &key));
  keys.Tell(key);
  EXPECT_OK(answers.Hear<int>());
  keys.Tell(Key{});
  EXPECT_EQ(user.Wait(), 0);
}

TEST_P(ShareTest, MemoryOutlivesAKilledExporter) {
  Pipe keys;
  Child exporter([&] {
    Session owner(vnpud());
    const Buffer buffer = Filled(owner, kHuge, 1234);
    Key key;
    if (Export(owner, {buffer.pmem_id, VNPU_EXPORT_ANY_PROCESS, 0, kHuge, 0, 0, {}}, nullptr,
               &key) != 0) {
      return 1;
    }
    keys.Tell(key);
    pause();
    return 0;
  });
  const Key key = keys.Hear<Key>();
  Session user(vnpud());
  vnpu_ioc_import imported;
  const uint64_t va = MapShared(user, key, &imported);
  exporter.Kill();
  EXPECT_EQ(exporter.Wait(), -SIGKILL);
  EXPECT_TRUE(Eventually(kPatience, [&] { return Counters().sessions == 1; }));
  EXPECT_EQ(WordAt(user, va), 1234u);
  EXPECT_EQ(Counters().hbm_pages, kHuge / kPage);
  vnpu_ioc_import again;
  EXPECT_ERRNO(ENOENT, Import(user, key, &again));
  user.Free({va, kHuge, imported.pmem_id});
  EXPECT_EQ(Counters().hbm_pages, 0u);
}

TEST_P(ShareTest, AKilledImporterLetsGo) {
  Session owner(vnpud());
  const Buffer buffer = Filled(owner, kPage, 7);
  uint32_t share = 0;
  Key key;
  ASSERT_OK(
      Export(owner, {buffer.pmem_id, VNPU_EXPORT_ANY_PROCESS, 0, kPage, 0, 0, {}}, &share, &key));
  Pipe ready;
  Child importer([&] {
    Session user(vnpud());
    vnpu_ioc_import imported;
    MapShared(user, key, &imported);
    ready.Tell(1);
    pause();
    return 0;
  });
  EXPECT_EQ(ready.Hear<int>(), 1);
  EXPECT_ERRNO(EBUSY, Unexport(owner, share, VNPU_UNEXPORT_IF_UNUSED));
  importer.Kill();
  EXPECT_EQ(importer.Wait(), -SIGKILL);
  EXPECT_TRUE(
      Eventually(kPatience, [&] { return Unexport(owner, share, VNPU_UNEXPORT_IF_UNUSED) == 0; }));
  EXPECT_EQ(WordAt(owner, buffer.va), 7u);
}

TEST_P(ShareTest, MemoryOfAnotherDevice) {
  if (kOneWindow) {
    GTEST_SKIP() << "takes two windows";
  }
  Session owner(vnpud(), "davinci0");
  Session user(vnpud(), "davinci1");
  const Buffer buffer = Filled(owner, kPage, 3);
  const Buffer own = Filled(user, kPage, 4);
  Key key;
  ASSERT_OK(Export(owner, {buffer.pmem_id, 0, 0, kPage, 0, 0, {}}, nullptr, &key));
  vnpu_ioc_import imported;
  const uint64_t va = MapShared(user, key, &imported);
  EXPECT_EQ(imported.device, 0u);
  EXPECT_EQ(Counters(0).hbm_pages, 1u);
  EXPECT_EQ(Counters(1).hbm_pages, 1u);
  EXPECT_NE(user.Query(va).pa, user.Query(own.va).pa) << "each device has addresses of its own";
  EXPECT_EQ(WordAt(user, va), 3u);
  owner.Free(buffer);
  EXPECT_EQ(Counters(0).hbm_pages, 1u);
  user.Free({va, kPage, imported.pmem_id});
  EXPECT_EQ(Counters(0).hbm_pages, 0u);
}

int AddWindow(Session& session, uint64_t base, uint64_t flags = 0) {
  vnpu_ioc_window_add arg{base, flags};
  return session.Ioctl(VNPU_IOC_WINDOW_ADD, &arg);
}

TEST_P(ShareTest, WindowsAreChecked) {
  Session session(vnpud());
  EXPECT_ERRNO(EINVAL, AddWindow(session, 0));
  EXPECT_ERRNO(EINVAL, AddWindow(session, session.window() + kHuge));
  EXPECT_ERRNO(EINVAL, AddWindow(session, uint64_t{1} << 47));
  EXPECT_ERRNO(EINVAL, AddWindow(session, ~uint64_t{0} & ~(VNPU_WINDOW_ALIGN - 1)));
  EXPECT_ERRNO(EINVAL, AddWindow(session, session.window() + VNPU_WINDOW_SIZE, 1));
  EXPECT_ERRNO(EEXIST, AddWindow(session, session.window()));
  EXPECT_ERRNO(EEXIST, AddWindow(session, session.window() + VNPU_WINDOW_ALIGN));
  EXPECT_ERRNO(EEXIST, AddWindow(session, session.window() - VNPU_WINDOW_ALIGN));
}

// The one client has two devices; a pointer means the same memory on both.
TEST_P(ShareTest, TheSameAddressInAnotherSession) {
  if (kOneWindow) {
    GTEST_SKIP() << "takes two windows";
  }
  Session owner(vnpud(), "davinci0");
  Session user(vnpud(), "davinci1");
  const Buffer buffer = Filled(owner, kHuge, 21, VNPU_PMEM_HUGE);
  vnpu_ioc_reserve reserve{buffer.va, kHuge, 0, 0};
  EXPECT_ERRNO(EINVAL, user.Ioctl(VNPU_IOC_RESERVE, &reserve)) << "not yet one of its windows";
  ASSERT_OK(AddWindow(user, owner.window()));
  EXPECT_ERRNO(EEXIST, AddWindow(user, owner.window()));
  ASSERT_OK(user.Ioctl(VNPU_IOC_RESERVE, &reserve));
  EXPECT_ERRNO(EEXIST, user.Ioctl(VNPU_IOC_RESERVE, &reserve));
  Key key;
  ASSERT_OK(Export(owner, {buffer.pmem_id, 0, 0, kHuge, 0, 0, {}}, nullptr, &key));
  vnpu_ioc_import imported;
  ASSERT_OK(Import(user, key, &imported));
  const Queue queue = user.CreateQueue();
  const TestModule module(&user);
  const uint64_t args[] = {buffer.va, 1};
  EXPECT_EQ(user.Run(queue, Kernel(module.Function("add_one"), 1, args)), VNPU_E_ADDRESS);
  user.Map(buffer.va, kHuge, imported.pmem_id);
  EXPECT_EQ(user.Run(queue, Kernel(module.Function("add_one"), 1, args)), VNPU_OK);
  EXPECT_EQ(WordAt(owner, buffer.va), 22u);
  const Buffer own = user.Allocate(kPage);
  EXPECT_EQ(user.Run(queue, Copy(own.va, buffer.va, 8)), VNPU_OK);
  EXPECT_EQ(WordAt(user, own.va), 22u);
  EXPECT_EQ(user.Query(buffer.va).base, buffer.va);
  user.Free({buffer.va, kHuge, imported.pmem_id});
  EXPECT_EQ(user.Run(queue, Copy(own.va, buffer.va, 8)), VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(user.Run(queue, Kernel(module.Function("add_one"), 1, args)), VNPU_E_ADDRESS);
}

int AddHostObject(Session& session, vnpu_ioc_pmem_host arg, uint32_t* pmem = nullptr) {
  const int result = session.Ioctl(VNPU_IOC_PMEM_HOST, &arg);
  if (pmem != nullptr) {
    *pmem = arg.pmem_id;
  }
  return result;
}

TEST_P(ShareTest, HostObjectFieldsOutOfRange) {
  Session session(vnpud());
  const UniqueFd memory = MakeSealedMemfd(4 * kPage);
  const UniqueFd unsealed = MakeMemfd(kPage, 0);
  const UniqueFd event = MakeEventfd();
  for (const vnpu_ioc_pmem_host bad : {vnpu_ioc_pmem_host{0, memory.get(), 0, 0, 0},
                                       {kPage + 1, memory.get(), 0, 0, 0},
                                       {5 * kPage, memory.get(), 0, 0, 0},
                                       {UINT64_MAX & ~(kPage - 1), memory.get(), 0, 0, 0},
                                       {kPage, memory.get(), 1, 0, 0},
                                       {kPage, memory.get(), 0, 0, 1}}) {
    EXPECT_ERRNO(EINVAL, AddHostObject(session, bad)) << std::hex << bad.size << ' ' << bad.flags;
  }
  EXPECT_ERRNO(EBADF, AddHostObject(session, {kPage, unsealed.get(), 0, 0, 0}));
  EXPECT_ERRNO(EBADF, AddHostObject(session, {kPage, event.get(), 0, 0, 0}));
  EXPECT_ERRNO(EBADF, AddHostObject(session, {kPage, -1, 0, 0, 0}));
  EXPECT_EQ(Counters().pinned_pages, 0u);
}

TEST_P(ShareTest, HostObjectsAreMappedLikeOthers) {
  Session session(vnpud());
  const UniqueFd memory = MakeSealedMemfd(4 * kPage);
  const Mapping mapping = Mapping::Map(memory.get(), 4 * kPage);
  uint32_t pmem = 0;
  ASSERT_OK(AddHostObject(session, {4 * kPage, memory.get(), 0, 0, 0}, &pmem));
  EXPECT_EQ(Counters().pinned_pages, 4u);
  EXPECT_EQ(Counters().hbm_pages, 0u);
  const uint64_t va = session.Reserve(2 * kPage);
  session.Map(va, 2 * kPage, pmem, kPage);
  EXPECT_EQ(session.Query(va).kind, VNPU_MEM_PINNED);
  EXPECT_EQ(session.Query(va).pmem_id, pmem);
  const uint64_t value = 77;
  ASSERT_TRUE(session.Store(va, &value, 8));
  EXPECT_EQ(*reinterpret_cast<uint64_t*>(mapping.data() + kPage), 77u);
  EXPECT_ERRNO(EACCES, Export(session, {pmem, 0, 0, kPage, 0, 0, {}}));
  EXPECT_ERRNO(EBUSY, Free(session, pmem));
  session.Free({va, 2 * kPage, pmem});
  EXPECT_EQ(Counters().pinned_pages, 0u);
}

TEST_P(ShareTest, TheDriverSaysWhoTheClientIs) {
  vnpu_ioc_self self{};
  ASSERT_OK(manager().Ioctl(VNPU_IOC_SELF, &self));
  EXPECT_EQ(self.pid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(self.uid, getuid());
}

RAW_TEST_SUITE(ShareTest);

}  // namespace
}  // namespace vnpu::raw
