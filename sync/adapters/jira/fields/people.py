"""Which account a rule means by an address, a name, a key or an account id.

Jira's search matches the beginnings of names and addresses, and Jira Cloud hides the addresses of most
people. So what a search finds is not yet the person: only what proves it is taken.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call, records
from sync.domain.errors import Cause, Missing, Rejected

# The characters with which an address can go on that begins with another whole address.
_ADDRESS_GOES_ON = string.ascii_lowercase + string.digits + ".-"
_MOST = 100


class Account(NamedTuple):
    """An account id (Cloud) or user name (Data Center) or, without one, what is wrong."""

    id: str = ""
    problem: str = ""
    remedy: str = ""

    def __bool__(self) -> bool:
        return bool(self.id)


class People:
    """Looks people up. Methods raise the faults of a call."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def find(self, wished: str, project: str, *, assigned: bool) -> Account:
        """The account of a person; ``assigned``: who may be assigned issues in the project."""
        # Jira lists who may be assigned even to an account that may not browse users.
        assignable = self._among_assignable(wished, project) if assigned else []
        if assignable:
            return self._only(wished, assignable)
        users = self._among_all(wished)
        if not users and not assigned and project:
            users = self._among_assignable(wished, project)
        if not users:
            return self._nobody(wished)
        found = self._only(wished, users)
        if found and assigned and not self._is_assignable(found.id, users[0], project):
            return Account(
                problem=f"{_called(users[0])} may not be assigned issues in {project}",
                remedy="Give the person 'Assignable user' in the project, or name another.",
            )
        return found

    def _among_all(self, wished: str) -> list[dict[str, Any]]:
        """The users of the whole site that are meant; none where our account may not browse users."""
        try:
            return self._meant(wished, self._everybody) or self._by_id(wished)
        except Missing:
            return []
        except Rejected as fault:
            if fault.cause is not Cause.PERMISSION:
                raise
            return []

    def _among_assignable(self, wished: str, project: str) -> list[dict[str, Any]]:
        return self._meant(wished, lambda text: self._assignable(text, project))

    def _meant(
        self, wished: str, search: Callable[[str], list[dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        """Those of a search that a rule surely means: by address, id, name or key, or display name."""
        found = search(wished)
        folded = wished.casefold()
        for names in (("emailAddress",), ("accountId", "name", "key"), ("displayName",)):
            exact = [u for u in found if folded in {str(u.get(n, "")).casefold() for n in names}]
            if exact:
                return exact
        if "@" not in wished or not self._calls.cloud():
            return []
        return self._with_hidden_address(wished, found, search)

    def _with_hidden_address(
        self,
        wished: str,
        found: list[dict[str, Any]],
        search: Callable[[str], list[dict[str, Any]]],
    ) -> list[dict[str, Any]]:
        """Those whose hidden address is the wished one. Jira's search finds beginnings of hidden
        addresses, too: who is also found by a longer text has a longer address, and is left out."""
        hidden = {str(u.get("accountId")): u for u in found if not u.get("emailAddress")}
        for letter in _ADDRESS_GOES_ON:
            if not hidden:
                break
            for longer in search(wished + letter):
                hidden.pop(str(longer.get("accountId")), None)
        return list(hidden.values())

    def _everybody(self, text: str) -> list[dict[str, Any]]:
        word = "query" if self._calls.cloud() else "username"
        inactive = {} if self._calls.cloud() else {"includeInactive": "true"}
        params = {word: text, "maxResults": _MOST, **inactive}
        return records(self._calls.make(Call.get("user/search", _looking(text), params)))

    def _assignable(self, text: str, project: str) -> list[dict[str, Any]]:
        word = "query" if self._calls.cloud() else "username"
        params = {word: text, "project": project, "maxResults": _MOST}
        call = Call.get("user/assignable/search", _looking(text), params, project=project)
        return records(self._calls.make(call))

    def _by_id(self, wished: str) -> list[dict[str, Any]]:
        """The user with this account id (Cloud), or this key (Data Center), which no search finds."""
        if "@" in wished:
            return []
        params = {"accountId" if self._calls.cloud() else "key": wished}
        try:
            found = self._calls.make(Call.get("user", _looking(wished), params))
        except Missing:
            return []
        return [found] if isinstance(found, dict) else []

    def _is_assignable(self, id_: str, user: dict[str, Any], project: str) -> bool:
        texts = [str(user.get("displayName", "")), id_]
        mine = "accountId" if self._calls.cloud() else "name"
        return any(
            str(one.get(mine)) == id_
            for text in texts
            if text
            for one in self._assignable(text, project)
        )

    def may_browse(self) -> bool | None:
        """Whether our account may see who there is; None where Jira does not tell."""
        params = {"permissions": "USER_PICKER"}
        try:
            raw = self._calls.make(Call.get("mypermissions", "reading our permissions", params))
        except (Missing, Rejected):
            return None
        one = (raw.get("permissions") or {}).get("USER_PICKER") if isinstance(raw, dict) else None
        return bool(one["havePermission"]) if one and "havePermission" in one else None

    def _only(self, wished: str, users: list[dict[str, Any]]) -> Account:
        """The account, unless several people go by the name or the person has left."""
        mine = "accountId" if self._calls.cloud() else "name"
        active = {str(u[mine]): u for u in users if u.get("active", True) and u.get(mine)}
        if len(active) == 1:
            return Account(next(iter(active)))
        if active:
            ids = ", ".join(sorted(_several(active)))
            return Account(
                problem=f"several Jira users are meant by {wished}",
                remedy=f"Give the {self._word()} instead: one of {ids}.",
            )
        return Account(
            problem=f"the Jira user {_called(users[0])} is deactivated",
            remedy="Name another person, or have the account activated.",
        )

    def _nobody(self, wished: str) -> Account:
        what = "has the address" if "@" in wished else "goes by"
        problem = f"no Jira user {what} {wished}"
        if self.may_browse() is False:
            return Account(
                problem=f"{problem}, as far as our account may see",
                remedy="Our account lacks the global permission 'Browse users and groups'. Give it the "
                f"permission, or give the person's {self._word()}.",
            )
        return Account(
            problem=problem,
            remedy="Give the account id (Cloud) or user name (Data Center), or invite the person; a "
            "deactivated account is not found.",
        )

    def _word(self) -> str:
        return "account id" if self._calls.cloud() else "user name"


def _looking(text: str) -> str:
    return f"looking up the user {text}"


def _called(user: dict[str, Any]) -> str:
    return str(user.get("displayName") or user.get("name") or user.get("accountId"))


def _several(users: dict[str, dict[str, Any]]) -> Iterator[str]:
    for id_, user in users.items():
        yield f"{id_!r} ({_called(user)})"
