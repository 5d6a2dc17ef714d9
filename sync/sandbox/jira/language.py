"""Jira's messages in the language of the account, as a real Jira answers an account that is not English.

Only messages are translated: keys, ids and HTTP statuses are the same in every language. A message that
is not in the table becomes a general one, so that no client can rely on its English words.
"""

from __future__ import annotations

import re

from sync.sandbox.jira.site.call import Problem
from sync.sandbox.jira.site.model import User

LANGUAGES = ("de", "fr", "ja")
_GENERAL = (
    "Die Anfrage kann nicht ausgeführt werden.",
    "La demande ne peut pas être exécutée.",
    "リクエストを実行できません。",
)
# A message in English, as a pattern whose groups are the names in it; then German, French, Japanese.
_TABLE = tuple(
    (re.compile(english), sentences)
    for english, *sentences in (
        (
            "You do not have permission to create issues in this project.",
            "Sie haben nicht die Berechtigung, in diesem Projekt Vorgänge zu erstellen.",
            "Vous n'avez pas l'autorisation de créer des tickets dans ce projet.",
            "このプロジェクトで課題を作成する権限がありません。",
        ),
        (
            "You do not have permission to edit this issue.",
            "Sie sind nicht berechtigt, diesen Vorgang zu bearbeiten.",
            "Vous n'êtes pas autorisé à modifier ce ticket.",
            "この課題を編集する権限がありません。",
        ),
        (
            "No Link Issue Permission for issue '(.*)'",
            r"Keine Berechtigung zum Verknüpfen des Vorgangs '\1'",
            r"Aucune autorisation de lier le ticket '\1'",
            r"課題 '\1' をリンクする権限がありません",
        ),
        (
            "Issue [Dd]oes [Nn]ot [Ee]xist.*",
            "Der Vorgang existiert nicht oder Sie dürfen ihn nicht sehen.",
            "Le ticket n'existe pas ou vous n'êtes pas autorisé à le voir.",
            "課題が存在しないか、表示する権限がありません。",
        ),
        (
            "No project could be found with key '(.*)'.",
            r"Es wurde kein Projekt mit dem Schlüssel '\1' gefunden.",
            r"Aucun projet n'a été trouvé avec la clé '\1'.",
            r"キー '\1' のプロジェクトが見つかりません。",
        ),
        (
            "Transition id '(.*)' is not valid for this issue.",
            r"Die Übergangs-ID '\1' ist für diesen Vorgang nicht gültig.",
            r"L'identifiant de transition '\1' n'est pas valide pour ce ticket.",
            r"遷移 ID '\1' はこの課題に対して有効ではありません。",
        ),
        (
            "Field '(.*)' cannot be set. It is not on the appropriate screen, or unknown.",
            r"Das Feld '\1' kann nicht gesetzt werden. Es ist nicht auf der Maske oder unbekannt.",
            r"Le champ '\1' ne peut pas être défini. Il n'est pas sur l'écran ou est inconnu.",
            r"フィールド '\1' は設定できません。適切な画面上にないか、不明です。",
        ),
        ("(.*) is required.", r"\1 ist erforderlich.", r"\1 est obligatoire.", r"\1 は必須です。"),
    )
)


def translate(text: str, language: str) -> str:
    """A message of the site in one of ``LANGUAGES``.

    >>> translate("Severity is required.", "de")
    'Severity ist erforderlich.'
    """
    number = LANGUAGES.index(language)
    for english, sentences in _TABLE:
        if found := english.fullmatch(text):
            return found.expand(sentences[number])
    return _GENERAL[number]


def translated(problem: Problem, user: User | None) -> Problem:
    """A refusal in the caller's language. What a gateway or a web page says stays English."""
    language = user.language.partition("_")[0] if user is not None else "en"
    if language not in LANGUAGES or problem.raw is not None:
        return problem
    return Problem(
        problem.status,
        *(translate(text, language) for text in problem.messages),
        errors={field: translate(text, language) for field, text in problem.errors.items()},
        headers=problem.headers,
    )
