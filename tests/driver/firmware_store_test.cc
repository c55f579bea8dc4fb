// The store of firmware plug-ins, without a device process.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "driver/firmware/store.h"

namespace vnpu::driver {
namespace {

std::string Version(const std::string& bytes) {
  return VersionOf(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

TEST(FirmwareVersion, FollowsTheMark) {
  using namespace std::string_literals;
  EXPECT_EQ(Version("xx vnpu-compat-ident:1.2.3\0yy"s), "1.2.3");
  EXPECT_EQ(Version("vnpu-compat-ident:\0 vnpu-compat-ident:2\0"s), "2");
  EXPECT_EQ(Version(""), "");
  EXPECT_EQ(Version("no mark"), "");
  EXPECT_EQ(Version("vnpu-compat-ident:"), "");
  EXPECT_EQ(Version("vnpu-compat-ident:1.2"), "") << "not terminated";
  EXPECT_EQ(Version("vnpu-compat-ident:1 2\0"s), "") << "a space";
  EXPECT_EQ(Version("vnpu-compat-ident:" + std::string(31, 'v') + "\0"s), std::string(31, 'v'));
  EXPECT_EQ(Version("vnpu-compat-ident:" + std::string(32, 'v') + "\0"s), "") << "too long";
}

TEST(FirmwareStore, WithoutAFileThereIsNothing) {
  FirmwareStore store;
  store.Ship("/no/such/plugin.so");
  vnpu_ioc_firmware list{};
  EXPECT_EQ(store.List(&list), -ENOENT);
  EXPECT_EQ(store.Use().fd(), -1);
}

TEST(FirmwareStore, UsesAreCounted) {
  const std::string path = testing::TempDir() + "plugin" + std::to_string(getpid());
  FILE* file = fopen(path.c_str(), "w");
  fputs("\177ELF vnpu-compat-ident:7", file);
  fputc('\0', file);
  fclose(file);
  FirmwareStore store;
  store.Ship(path);
  remove(path.c_str());
  vnpu_ioc_firmware list{};
  {
    PluginUse one = store.Use();
    const PluginUse two = store.Use();
    const PluginUse moved = std::move(one);
    EXPECT_GE(moved.fd(), 0);
    ASSERT_EQ(store.List(&list), 0);
    EXPECT_STREQ(list.version, "7");
    EXPECT_EQ(list.active, 1u);
    EXPECT_EQ(list.sessions, 2u);
  }
  ASSERT_EQ(store.List(&list), 0);
  EXPECT_EQ(list.sessions, 0u);
}

}  // namespace
}  // namespace vnpu::driver
