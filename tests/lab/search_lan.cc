// Preloaded into OpenTTD, which has no window here: presses "Search LAN" for the player, on the
// game's own thread, when it first looks for events.
#include <dlfcn.h>

namespace {

void press_search_lan() {
  // NetworkUDPSearchGame(), which the button calls and Debian's program exports.
  if (auto* search = ::dlsym(RTLD_DEFAULT, "_Z20NetworkUDPSearchGamev"))
    reinterpret_cast<void (*)()>(search)();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the library's
extern "C" int SDL_PollEvent(void* event) {
  static auto* const kPoll = reinterpret_cast<int (*)(void*)>(::dlsym(RTLD_NEXT, "SDL_PollEvent"));
  static const bool kPressed = (press_search_lan(), true);
  return kPressed && kPoll != nullptr ? kPoll(event) : 0;
}
