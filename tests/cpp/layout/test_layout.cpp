// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The names of the layouts.
/// Next: tests/cpp/layout/test_place.cpp
#include <gtest/gtest.h>

#include <matrass/layout/layout.hpp>
#include <set>

namespace matrass {
namespace {

constexpr std::array all_dists{Dist::MC, Dist::MR,   Dist::MD,  Dist::VC,
                               Dist::VR, Dist::STAR, Dist::CIRC};

TEST(Layout, FourteenOfFortyNinePairsAreLegal) {
  const std::set<std::string> expected{"[MC,MR]",     "[MC,STAR]",  "[MD,STAR]", "[MR,MC]",
                                       "[MR,STAR]",   "[STAR,MC]",  "[STAR,MD]", "[STAR,MR]",
                                       "[STAR,VC]",   "[STAR,VR]",  "[VC,STAR]", "[VR,STAR]",
                                       "[STAR,STAR]", "[CIRC,CIRC]"};
  std::set<std::string> legal;
  for (const Dist col : all_dists) {
    for (const Dist row : all_dists) {
      const Layout layout{col, row};
      if (is_legal(layout)) {
        legal.insert(to_string(layout));
        EXPECT_EQ(require_legal(layout), layout);
      } else {
        EXPECT_THROW(require_legal(layout), LayoutError);
      }
    }
  }
  EXPECT_EQ(legal, expected);
  EXPECT_EQ(std::set(expected).size(), all_layouts.size());
}

TEST(Layout, TheRunTimeLayoutIsNoLegalPair) { EXPECT_FALSE(is_legal(any_layout)); }

TEST(Layout, TransposedSwapsTheAxesAndIsLegal) {
  for (const Layout layout : all_layouts) {
    EXPECT_TRUE(is_legal(transposed(layout)));
    EXPECT_EQ(transposed(transposed(layout)), layout);
    EXPECT_EQ(transposed(layout).col, layout.row);
  }
}

TEST(Layout, ReadsWhatItPrints) {
  for (const Layout layout : all_layouts) EXPECT_EQ(parse_layout(to_string(layout)), layout);
}

TEST(Layout, ReadsTheWaysOfWritingIt) {
  for (const char* text : {"[VC,STAR]", "VC,STAR", "VC,*", "[VC, *]", "VC_STAR", "[VC , STAR]"}) {
    EXPECT_EQ(parse_layout(text), VC_STAR) << text;
  }
  EXPECT_EQ(parse_layout("*,*"), STAR_STAR);
}

TEST(Layout, RefusesWhatIsNoLayoutAndSaysWhatIs) {
  for (const char* text : {"", "VC", "VC,", ",STAR", "VC,MR", "XY,STAR", "MC,MR,STAR", "mc-mr",
                           "[any]", "CIRC,STAR"}) {
    try {
      parse_layout(text);
      ADD_FAILURE() << "accepted '" << text << "'";
    } catch (const LayoutError& error) {
      EXPECT_NE(std::string(error.what()).find("layout: must be"), std::string::npos)
          << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << "one line";
    }
  }
}

}  // namespace
}  // namespace matrass
