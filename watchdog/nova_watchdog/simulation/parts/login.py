"""Logging in at a simulated service: sessions that end, and a secret that is tried once if it is refused."""

from __future__ import annotations


class LoginTruth:
    """What is true of the logins at one service. login_refused: why each is refused, None: it is not.

    Each era ends what was before: of sessions when they are dropped, of secrets when they change.
    """

    usual_refusal = "the login was refused"

    def __init__(self) -> None:
        self.login_refused: str | None = None
        self.session_era = self.secret_era = 0

    def refuse_login(self, detail: str = "") -> None:
        """The secret is wrong. It is tried once, and not again before it was corrected."""
        self.login_refused = detail or self.usual_refusal
        self.session_era += 1
        self.secret_era += 1

    def correct_secret(self) -> None:
        """The secret on this side changed, and is the right one now."""
        self.login_refused = None

    def drop_sessions(self) -> None:
        """Every session is forgotten, as after a restart."""
        self.session_era += 1


class Login:
    """One reader's session there. logins: how often it logged in, or tried to."""

    def __init__(self, truth: LoginTruth) -> None:
        self._truth = truth
        self._session_era: int | None = None
        self._refused_era: int | None = None
        self.logins = 0

    @property
    def is_in(self) -> bool:
        """Whether its session is good."""
        return self._session_era == self._truth.session_era

    def try_once(self) -> bool:
        """Whether there is a session now; a secret that was refused is not tried again."""
        truth = self._truth
        if not self.is_in and truth.login_refused is None:
            self.logins += 1
            self._session_era = truth.session_era
        elif not self.is_in and self._refused_era != truth.secret_era:
            self.logins += 1
            self._refused_era = truth.secret_era
        return self.is_in

    def lose(self) -> None:
        """The connection is gone, and its session with it."""
        self._session_era = None
