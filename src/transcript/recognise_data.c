/* Frequent words of film dialogue, chosen to tell neighbours apart (da/no, cs/sk, es/pt, ru/uk).
 * Written as UTF-8 on purpose: escapes would hide what a reader of the language could check. */
#include "transcript/recognise_data.h"

#include <stddef.h>

const struct md_language_traits md_language_traits[] = {
    {"en", MD_SCRIPT_LATIN, "éï",
     "the you and to a it of is that in me what this for my your don't we no have do not are be "
     "know can was with just all here they get there right but him go up now what's his her did "
     "she he out why how were it's i'm you're that's i'll from want got think going who see"},
    {"de", MD_SCRIPT_LATIN, "äöüß",
     "ich das ist du nicht die und es sie der wir zu ein er was in mir mit ja wie den auf mich "
     "dass so hier eine wenn hat aber für haben sind von dich war noch dir nur habe wird auch "
     "kann kein keine ihr mal schon uns doch einen bin sich weiß muss bist nein wo ihn im"},
    {"fr", MD_SCRIPT_LATIN, "àâæçèéêëîïôœùûüÿ",
     "de je est pas le vous la tu que un il et à a ne les ce en on ça une ai pour des moi qui "
     "nous mais y me dans elle si tout plus non mon suis te au avec c'est j'ai va oui toi fait "
     "se bien sais ils être du quoi rien là où votre sur qu'il n'est d'un êtes était"},
    {"es", MD_SCRIPT_LATIN, "áéíñóúü",
     "de que no a la el es y en lo un por qué me una te los se con para mi está si bien pero yo "
     "eso las sí su tu aquí del al como le más esto ya todo esta vamos muy hay ahora algo estoy "
     "tengo nos tú cuando él sé estás así puedo quiero nada donde usted son"},
    {"it", MD_SCRIPT_LATIN, "àèéìíîòóùú",
     "che di non è e la il un a per in una sono mi ho si lo ma ti le con cosa se no da ha come "
     "io ci questo qui bene tu sei del hai mio più me al mia tutto te della solo fare era gli "
     "c'è sì alla perché so quando ora chi anche perche dei nel abbiamo può"},
    {"pt", MD_SCRIPT_LATIN, "àáâãçéêíóôõúü",
     "que não o de a é eu e um você se do para uma está com da em isso por me os no mas bem "
     "ele te as na aqui sim como mais meu muito ela estou minha tem vou foi seu nós ao nos "
     "quem bom isto sei já tudo há era são então agora fazer ter vai só quando"},
    {"nl", MD_SCRIPT_LATIN, "éëïöü",
     "ik je het de dat is een niet en wat van we in ze hij op te zijn er maar me die heb voor "
     "met als ben was mijn u dit aan hier om naar dan jij zo weet kan geen nog moet wil wel ja "
     "heeft hebben hoe nee goed ga uit bent wij waar nu zou daar gaan jullie"},
    {"sv", MD_SCRIPT_LATIN, "åäéö",
     "jag det är du inte att en och har vi på i för han vad med mig som här om dig var den så "
     "till kan de ni ska ett men av vill nu min hur nej ja vet honom ja din där hon från kom "
     "bara varför måste oss henne mycket finns några eller något alla upp sig"},
    {"da", MD_SCRIPT_LATIN, "æéøå",
     "jeg det er du ikke at en og har vi på i for han hvad med mig som her dig var den så til "
     "kan de skal et men af vil nu min hvor nej ja ved ham din der hun fra kom bare hvorfor må "
     "os hende meget noget hvis være blev mit godt nogen lige ud efter gør tak kun"},
    {"no", MD_SCRIPT_LATIN, "æéøå",
     "jeg det er du ikke at en og har vi på i for han hva med meg som her deg var den så til "
     "kan de skal et men av vil nå min hvor nei ja vet ham din der hun fra kom bare hvorfor må "
     "oss henne mye noe hvis være ble mitt bra noen hvordan ut etter gjør takk hvem"},
    {"fi", MD_SCRIPT_LATIN, "äåö",
     "ei on se en ja hän mitä että ole minä oli sinä mutta niin kun nyt joo mikä tämä hyvä "
     "minun sen olen jos kuin vain siitä me olet tiedän sitä ovat täällä miksi sinun te voi "
     "tule älä kyllä ne sinua ollut minua mennä kiitos kuka missä sitten vielä jotain"},
    {"pl", MD_SCRIPT_LATIN, "ąćęłńóśźż",
     "nie to się w na i jest co że do z a jak tak mnie za mi o ale po jestem wiem dla tego ja "
     "tu już go tylko może ty bardzo dobrze mam jej być gdzie dlaczego jesteś będzie jego czy "
     "był tam ci od teraz wszystko chcę coś ją przez cię też kto masz proszę nic"},
    {"cs", MD_SCRIPT_LATIN, "áčďéěíňóřšťúůýž",
     "to je se že na a v jsem co ne do si jak tak mi o ty já by za jsi s už ale mě ano být "
     "jsme tady když není bude kde máš můžu něco nic proč jen jestli vím dobře byl jako jeho "
     "může kdo pro mám jsou nebo víš teď musíme bych pane všechno"},
    {"sk", MD_SCRIPT_LATIN, "áäčďéíĺľňóôŕšťúýž",
     "to je sa že na a v som čo nie do si ako tak mi o ty ja by za s už ale ma áno byť sme "
     "tu keď bude kde máš môžem niečo nič prečo len či viem dobre bol jeho môže kto pre mám "
     "sú alebo vieš teraz musíme pane všetko ste tam ho mu ešte"},
    {"hu", MD_SCRIPT_LATIN, "áéíóöőúüű",
     "a nem az hogy és egy van meg is ez csak itt én de mi mit most jól igen ha ki kell be "
     "el vagyok te vagy volt maga ezt azt lesz már ott mert tudom nincs miért akkor fel még "
     "mint le tudja jó lehet engem ő aki neki semmi mondta hol ami minden"},
    {"ro", MD_SCRIPT_LATIN, "ăâîșşțţ",
     "nu să de a și în o ce că e este am la un cu mai ai pe eu ca asta pentru te mă ne din da "
     "dar o s-a sunt bine acum i-am ești tu când aici fi unde fac ştiu știu lui care cum fost "
     "va el ea îmi trebuie aşa așa nimic avem poate meu şi dacă"},
    {"hr", MD_SCRIPT_LATIN, "čćđšž",
     "je da se ne to u što na sam i za si li ti ja mi smo kako bi od ali su ovo nije samo ću "
     "me te s nisam dobro ga znam zašto ovdje gdje bio može imam sve ovde gde jesi nema sada "
     "nešto biti šta ste moj kao mogu moram zar ima kad koji"},
    {"sl", MD_SCRIPT_LATIN, "čšž",
     "je da se ne v to sem na si in kaj ki za ti ni pa bi so z mi kot me bo še vse tako sva "
     "ali sta že jaz tega kje zakaj kdo nisem lahko samo zdaj kako nič tukaj dobro vem nekaj "
     "moram bil imaš tvoj hvala prosim moj če ko od"},
    {"tr", MD_SCRIPT_LATIN, "çğıöşüâî",
     "bir bu ne ve mi için de çok ben o evet var ama da sen daha iyi değil hayır bunu onu şey "
     "gibi mı kadar yok sana bana tamam seni beni şimdi nasıl her neden burada biz olduğunu "
     "hiç artık onun biraz benim olarak ki kim zaman oldu misin lazım"},
    {"id", MD_SCRIPT_LATIN, "é",
     "yang aku tidak kau ini itu dan di kita apa untuk saya anda akan dia ada dengan bisa dari "
     "ke tahu mereka kami harus sudah pergi jangan orang hanya jika lebih telah semua seperti "
     "sangat sekarang baik satu apakah bagaimana kamu mana tapi lagi"},
    {"vi", MD_SCRIPT_LATIN, "àáâãèéêìíòóôõùúýăđĩũơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
     "tôi anh không là có của em và cho một ta đi đã gì này người cô sẽ với được làm đó chúng "
     "ông thì phải bị ở như rồi mà cái mình nó ra biết con về đang đây nào khi các vào lại"},
    {"et", MD_SCRIPT_LATIN, "äõöüšž",
     "ja on ei ma see sa et mis ta me oli kui aga siis ole mida nii ning oled olen kes mul sul "
     "siin selle te kas seda jah oma mind nad kus välja tuleb nüüd sind hea miks palun"},
    {"lt", MD_SCRIPT_LATIN, "ąčęėįšųūž",
     "ir tai aš ne kad į jis su tu yra kaip mes bet man čia kas ką jūs ji iš labai gerai buvo "
     "dabar taip mane jei tik už jo esu nuo dėl reikia viskas žinau nėra kur kodėl"},
    {"lv", MD_SCRIPT_LATIN, "āčēģīķļņšūž",
     "ir un es tas ka nav tu ne uz mēs man par kas no ar viņš bet vai ko jā to jūs kā lai te "
     "ja tā viņa tevi mani tikai esi bija labi kur kāpēc zinu viss esmu būs"},
    {"el", MD_SCRIPT_GREEK, "",
     "να το και είναι δεν θα μου με για που την τον της του σε η ο τι στο από τα σου μας ότι "
     "αυτό στην ναι έχω οι όχι εδώ μια έχει αλλά πως πού ένα εγώ είμαι τους κι αν γιατί ξέρω "
     "πρέπει είσαι ήταν"},
    {"ru", MD_SCRIPT_CYRILLIC, "ыэё",
     "я не что ты в и это на то с мне а он как вы мы все так но у меня да за его она нет тебя "
     "здесь к бы же от тебе был для есть вас если только когда знаю хорошо сейчас они чтобы "
     "еще почему ничего было где может очень"},
    {"uk", MD_SCRIPT_CYRILLIC, "іїєґ",
     "я не що ти в і це на то з мені а він як ви ми все так але у мене та за його вона ні тебе "
     "тут до б від тобі був для є вас якщо тільки коли знаю добре зараз вони щоб ще чому "
     "нічого було де може дуже й"},
    {"bg", MD_SCRIPT_CYRILLIC, "ъ",
     "не да се на е ще това го си и в за аз ти какво ми те съм от с по са като но ме че ли "
     "той как му тук защо знам мога беше само добре така ние ако искам няма трябва сега ги "
     "има"},
    {"sr", MD_SCRIPT_CYRILLIC, "јљњћђџ",
     "је да се не то у што на сам и за си ли ти ја ми смо како би од али су ово није само ћу "
     "ме те нисам добро га знам зашто овде где био може имам све јеси нема сада нешто бити шта"},
    {"he", MD_SCRIPT_HEBREW, "",
     "אני לא את זה אתה מה הוא לי על כן של יש בסדר או אבל שלי עם היא כל אם מי אז היה רק אותו "
     "יודע טוב אותי כאן הם כמו שלך אין למה איך"},
    {"ar", MD_SCRIPT_ARABIC, "",
     "من في أن لا هذا ما أنا على هل إلى لم كان أنت هو ذلك مع يا نعم لقد هنا كل يجب لن عن الذي "
     "ماذا أنه ليس لكن حسنا أو هي سوف إنه كيف شيء"},
    {"fa", MD_SCRIPT_ARABIC, "پچژگکی",
     "من به که تو رو این از نه ما یه با اون هم برای چی را در باید بود است می خوب آره اینجا "
     "نمی چرا شما اگه دارم هیچ حالا فقط باشه"},
    {"hi", MD_SCRIPT_DEVANAGARI, "", "है में के की मैं हो से नहीं को और का यह वह तुम हम क्या पर एक भी"},
    {"th", MD_SCRIPT_THAI, "", "าน่อเรงกัม้ไวีคท"},
    {"ko", MD_SCRIPT_HANGUL, "",
     "이그는을를에가고다해지하나도어아요로의한있없니야거것네내당신우리서만안사람라게자대정말면데수"
     "여들은인기일제오너무왜뭐잘할했겠습까으시죠건줄알못런떻저예"},
    {"ja", MD_SCRIPT_KANA, "",
     "のにはをたがでてとしれさあるいもするからなこうよくそんだきりまみかけっえねめせつどおわばちら"
     "やじ私何人行言見今大事思分出"},
    {"zh", MD_SCRIPT_HAN, "",
     "的我你是了不在他有这這一个個们們来來人那好就什么麼说說要会會没沒到吗嗎去想知道她可以为為能上"
     "得对對看里裡吧都也很大家时時自己着著给給样樣后後点點还還子出年过過生天小现現下怎多回真做开開"
     "让讓事和谢謝再跟找它别別被才死等老爱愛把起经經过"},
    {NULL, 0, NULL, NULL},
};
