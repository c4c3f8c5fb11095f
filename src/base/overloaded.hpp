// One visitor of a std::variant, made of a lambda for each alternative.
#pragma once

namespace lanrage {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace lanrage
