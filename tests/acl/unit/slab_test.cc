#include "libruntime/src/base/slab.h"

#include <gtest/gtest.h>

#include <set>

namespace vnpu::runtime {
namespace {

struct Thing : SlabObject {
  int value = 5;
};

TEST(Slab, OnlyPublishedObjectsResolve) {
  static Slab<Thing, 16> slab;
  EXPECT_EQ(slab.Resolve(nullptr), nullptr);
  Thing* thing = slab.Allocate();
  ASSERT_NE(thing, nullptr);
  EXPECT_EQ(thing->value, 5);
  EXPECT_EQ(slab.Resolve(thing), nullptr);
  slab.Publish(thing);
  EXPECT_EQ(slab.Resolve(thing), thing);
  EXPECT_EQ(slab.Resolve(reinterpret_cast<char*>(thing) + 1), nullptr);
  EXPECT_EQ(slab.Resolve(thing + 1), nullptr);
  EXPECT_EQ(slab.Resolve(thing + 1000), nullptr);
  EXPECT_TRUE(slab.Retire(thing));
  EXPECT_FALSE(slab.Retire(thing));
  EXPECT_EQ(slab.Resolve(thing), nullptr);
}

TEST(Slab, FullSlabGivesNothing) {
  static Slab<Thing, 4> slab;
  std::set<Thing*> all;
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(all.insert(slab.Allocate()).second);
  }
  EXPECT_EQ(slab.Allocate(), nullptr);
}

TEST(Slab, SlotsAreReusedInOrderWithNewGenerations) {
  static Slab<Thing, 2> slab;
  Thing* a = slab.Allocate();
  Thing* b = slab.Allocate();
  const uint32_t generation = a->generation();
  slab.Free(a);
  slab.Free(b);
  EXPECT_EQ(slab.Allocate(), a);
  EXPECT_EQ(slab.Allocate(), b);
  EXPECT_EQ(a->generation(), generation + 1);
}

}  // namespace
}  // namespace vnpu::runtime
