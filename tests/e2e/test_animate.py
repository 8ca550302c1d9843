from bot.domain.jobs import JobState
from tests.e2e.scenes import PICTURE, Bot, Scene, decoded


async def test_a_picture_becomes_a_clip_in_a_thread_on_the_card(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="the boat drifts")
    card = await used.response()
    assert "the boat drifts" in card.text
    clip = await scene.clip_of(card)
    (thread,) = scene.guild.threads
    assert (thread.id, clip.channel_id) == (card.id, card.id)
    assert clip.pinged == {scene.mia.id}
    seen = decoded(clip.files[0].data)
    assert (seen.width, seen.height, round(seen.seconds, 1)) == (1280, 720, 5.0)
    job = await bot.job()
    assert (job.state, job.message_id) == (JobState.DONE, clip.id)
